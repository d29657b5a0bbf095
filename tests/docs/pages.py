"""The pages for users, and the commands in them.

A fenced block ``console`` holds commands after ``$ ``, each with what it prints; ``…`` there stands
for anything. A block ``sh`` holds commands alone. A second word names the world in which they are
run (`worlds`); without one they are run in a checkout.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.support.paths import ROOT

PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))


@dataclass(frozen=True)
class Command:
    """One command of a page."""

    line: int
    text: str
    world: str
    prints: str | None
    """None where the page does not tell."""
    exit_code: int = 0
    """Told by the page's last printed line, as ``[64]``."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its second word, its text."""

    line: int
    language: str
    word: str
    text: str


def tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text())


def blocks(page: Path) -> Iterator[Block]:
    for token in tokens(page):
        if token.type == "fence" and token.map:
            language, _, word = token.info.partition(" ")
            yield Block(token.map[0] + 1, language, word.strip(), token.content)


def commands(page: Path) -> list[Command]:
    """All commands of a page, in order."""
    return [command for block in blocks(page) for command in _commands(block)]


def _commands(block: Block) -> Iterator[Command]:
    world = block.word or "checkout"
    if block.language == "sh":
        for line, text in _joined(block.text):
            if text and not text.startswith("#"):
                yield Command(block.line + line, text, world, None)
    elif block.language == "console":
        first, *parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
        assert not first, f"line {block.line}: a console block begins with '$ '"
        line = block.line + 1
        for part in parts:
            text, printed = _split(part)
            code = re.search(r"^\[(\d+)\]\n\Z", printed, re.MULTILINE)
            printed = printed[: code.start()] if code else printed
            yield Command(line, text, world, printed, int(code[1]) if code else 0)
            line += part.count("\n")


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Commands and the lines they begin in; a backslash joins a line to the next."""
    begun, parts = 1, list[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        begun = begun if parts else number
        parts.append(line)
        if not line.endswith("\\"):
            yield begun, "\n".join(parts).strip()
            parts = []


def _split(part: str) -> tuple[str, str]:
    """The command, on as many lines as backslashes join, and what it prints."""
    lines = part.splitlines(keepends=True)
    count = 1
    while lines[count - 1].endswith("\\\n"):
        count += 1
    return "".join(lines[:count]).strip(), "".join(lines[count:])


def fits(printed: str, told: str) -> bool:
    """Whether a command printed what its page tells, whatever spaces are between words."""

    def tidy(text: str) -> str:
        return "\n".join(
            re.sub(r"[ \xa0]+", " ", line).rstrip() for line in text.strip().splitlines()
        )

    parts = [re.escape(part) for part in tidy(told).split("…")]
    return re.fullmatch(".*?".join(parts), tidy(printed), re.DOTALL) is not None
