"""Each command of the pages is run, and prints what its page tells."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, Command, blocks, commands, fits, tokens
from tests.docs.worlds import World

RUN = [(page, world) for page in PAGES for world in dict.fromkeys(c.world for c in commands(page))]
LANGUAGES = {"console", "sh", "yaml", "python", "json", "text", "diff"}


@pytest.mark.slow
@pytest.mark.parametrize(("page", "world"), RUN, ids=lambda part: getattr(part, "name", part))
def test_commands(page: Path, world: str, request: pytest.FixtureRequest) -> None:
    shell = request.getfixturevalue(f"{world}_world")
    assert isinstance(shell, World)
    for command in commands(page):
        if command.world == world:
            _check(f"{page.name}:{command.line}: {command.text}", command, shell)


def _check(where: str, command: Command, shell: World) -> None:
    ran = shell.run(command.text)
    assert ran.returncode == command.exit_code, f"{where}\n{ran.stdout}"
    if command.prints is not None:
        assert fits(ran.stdout, command.prints), f"{where} printed\n{ran.stdout}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_command_hides(page: Path) -> None:
    """In a block of another language, or an indented one, it would not be run."""
    assert {block.language for block in blocks(page)} <= LANGUAGES
    others = [block.text for block in blocks(page) if block.language not in ("console", "sh")]
    others += [token.content for token in tokens(page) if token.type == "code_block"]
    started = re.compile(
        r"^\s*\$? *(make|perennial|python|\.venv/\S+|argo|helm|kubectl) ", re.MULTILINE
    )
    assert [text for text in others if started.search(text)] == []


@pytest.mark.parametrize(
    ("printed", "told", "is_so"),
    [
        ("one\ntwo\n", "one\ntwo\n", True),
        ("one  \ntwo", "one\ntwo\n", True),
        ("one\ntwo\nthree\n", "one\n…\nthree\n", True),
        ("76.0\xa0%   b\n", "76.0 % b\n", True),
        ("ab\n", "a b\n", False),
        ("took 12 s (ok)\n", "took … s (ok)\n", True),
        ("one\n", "two\n", False),
        ("one\ntwo\n", "one\n", False),
        ("axb", "a.b", False),
    ],
)
def test_fits(printed: str, told: str, is_so: bool) -> None:
    assert fits(printed, told) is is_so


def test_commands_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A page\n\n```sh gate\n# not this\nmake \\\n  x\nls\n```\n\n"
        "```console\n$ false\nno …\n[1]\n$ a \\\n  b\nc\n```\n"
    )
    assert commands(page) == [
        Command(5, "make \\\n  x", "gate", None),
        Command(7, "ls", "gate", None),
        Command(11, "false", "checkout", "no …\n", 1),
        Command(14, "a \\\n  b", "checkout", "c\n"),
    ]
