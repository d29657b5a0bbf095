"""A copy of the project with the changes that a page shows.

A paragraph that is a path alone, before a block, says that the block is that whole file. A block
``diff`` begins with ``--- path``; each of its parts, between lines ``@@``, is found in the file
once, by its lines that begin with a space or ``-``, and replaced by those with a space or ``+``.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.docs.pages import tokens
from tests.support.articles import article, corpus, part
from tests.support.paths import ROOT

LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info")


def make_extended(folder: Path) -> None:
    """The project as docs/extending.md makes it, and three articles in `store/articles`."""
    write_tree(ROOT / "docs/extending.md", folder)
    # What `make lock` writes, as both jobs ask for the same packages; it needs an index.
    shutil.copy(folder / "images/curate.lock", folder / "images/count.lock")
    rows = [
        article(0, body="one article"),
        article(1, body="ein Artikel.", language="de"),
        article(2, body="paid for by"),
    ]
    corpus(f"{folder}/store/articles", part(rows))


def write_tree(page: Path, folder: Path) -> None:
    """The project at `folder`, changed block by block as the page says."""
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    shutil.copy(ROOT / ".gitignore", folder)
    for path, text in whole_files(page):
        file = folder / path
        assert not file.exists(), f"{page.name} writes {path}, which is there"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for path, text in diffs(page):
        (folder / path).write_text(changed((folder / path).read_text(), text, path))


def whole_files(page: Path) -> Iterator[tuple[str, str]]:
    """Path and text of each file that the page shows whole."""
    found = tokens(page)
    for before, token in zip(found[1:], found[3:], strict=False):
        if token.type == "fence" and before.type == "inline":
            parts = before.children or []
            if len(parts) == 1 and parts[0].type == "code_inline":
                yield parts[0].content, token.content


def diffs(page: Path) -> Iterator[tuple[str, str]]:
    """Path and changes of each block ``diff``, in the page's order."""
    for token in tokens(page):
        if token.type == "fence" and token.info == "diff":
            head, _, rest = token.content.partition("\n")
            assert head.startswith("--- "), head
            yield head.removeprefix("--- "), rest


def changed(text: str, changes: str, path: str) -> str:
    """The text with the changes made."""
    for piece in changes.split("@@\n"):
        lines = piece.splitlines(keepends=True)
        assert {line[0] for line in lines} <= set(" -+"), f"{path}: {piece}"
        old, new = (
            "".join(line[1:] for line in lines if line[0] in marks) for marks in (" -", " +")
        )
        assert f"\n{text}".count(f"\n{old}") == 1, f"{path} has not once:\n{old}"
        text = f"\n{text}".replace(f"\n{old}", f"\n{new}")[1:]
    return text
