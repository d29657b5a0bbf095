"""Links of the pages lead somewhere, and every page is reached from the README."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, tokens
from tests.support.paths import ROOT


def links(page: Path) -> Iterator[str]:
    for token in tokens(page):
        for inner in token.children or ():
            target = inner.attrGet("href") or inner.attrGet("src")
            if target and not re.match(r"[a-z]+:", str(target)):
                yield str(target)


def headings(page: Path) -> set[str]:
    """As they are named in links: small letters, a dash for a space."""
    found = tokens(page)
    texts = [
        found[at + 1].content for at, token in enumerate(found) if token.type == "heading_open"
    ]
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links(page: Path) -> None:
    for target in links(page):
        path, _, heading = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name} links to {target}"
        assert file.is_relative_to(ROOT), f"{page.name} links out of the project: {target}"
        if heading:
            assert heading in headings(file), f"{page.name} links to {target}"


def test_every_page_is_reached() -> None:
    reached, left = set(), [ROOT / "README.md"]
    while left:
        page = left.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            left += [(page.parent / link.partition("#")[0]).resolve() for link in links(page)]
    assert reached >= set(PAGES)
