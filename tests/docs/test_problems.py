"""The messages of docs/problems.md are those of the source, so that a reader finds theirs."""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from pathlib import Path

from tests.docs.pages import commands, tokens
from tests.support.paths import ROOT

PAGE = ROOT / "docs/problems.md"
SOURCES = ("src/jobs", "pipelines")
VALUE = "…"
"""In a message: whatever is put there."""
MIN_FIXED = 10
"""Characters of a message that are no value: fewer would be found anywhere."""


def messages(page: Path) -> Iterator[tuple[int, str]]:
    """(line, message) of each text in code in the first column of the tables of messages."""
    line, column, is_of_messages = 0, 0, False
    for token in tokens(page):
        if token.type == "tr_open":
            line, column = (token.map or [0])[0] + 1, 0
        elif token.type in ("th_open", "td_open"):
            column += 1
        elif token.type == "inline" and column == 1:
            codes = [inner.content for inner in token.children or () if inner.type == "code_inline"]
            if not codes:
                is_of_messages = token.content == "message"
            elif is_of_messages:
                yield from ((line, code) for code in codes)


@cache
def texts() -> str:
    """All texts of the source, a line each, but documentation; `VALUE` for what is put in."""
    files = [path for folder in SOURCES for path in sorted((ROOT / folder).rglob("*.py"))]
    trees = [ast.parse(path.read_text()) for path in files]
    everywhere = {name: text for tree in trees for name, text in _constants(tree)}
    found = [_texts(tree, {**everywhere, **dict(_constants(tree))}) for tree in trees]
    return "\n".join(text.replace("\n", " ") for text in chain.from_iterable(found))


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                yield name, text


def _texts(tree: ast.Module, constants: Mapping[str, str]) -> Iterator[str]:
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in documentation:
            yield _text(node, constants)


def _text(node: ast.expr, constants: Mapping[str, str]) -> str:
    """What a literal says; implicit concatenation has made one of several already."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, constants) for part in parts)
        case ast.FormattedValue(value=ast.Name(id=name)) if name in constants:
            return constants[name]
    return VALUE


def pattern(message: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, message.split(VALUE))))


def is_in_the_source(message: str) -> bool:
    return pattern(message).search(texts()) is not None


def test_messages_stand_in_the_source() -> None:
    found = list(messages(PAGE))
    assert len(found) > 100
    assert [one for one in found if not is_in_the_source(one[1])] == []
    assert [one for one in found if len(one[1].replace(VALUE, "")) < MIN_FIXED] == []


def test_no_message_stands_twice() -> None:
    counts = Counter(message for _, message in messages(PAGE))
    assert [message for message, number in counts.items() if number > 1] == []


def test_what_the_examples_print_is_explained() -> None:
    """Each command of the page that fails shows a message that has an entry."""
    failed = [command for command in commands(PAGE) if command.exit_code]
    assert len(failed) >= 15
    known = [pattern(message) for _, message in messages(PAGE)]
    for command in failed:
        printed = " ".join((command.prints or "").split())
        assert any(one.search(printed) for one in known), f"{PAGE.name}:{command.line}"


def test_a_message_that_changed_is_found_out(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "| message | why |\n|---|---|\n"
        "| `no artifact at …: it has no manifest.json` `x` | `y` |\n\n"
        "| key | why |\n|---|---|\n| `z` | |\n"
    )
    assert list(messages(page)) == [(3, "no artifact at …: it has no manifest.json"), (3, "x")]
    assert is_in_the_source("no artifact at …: it has no manifest.json")
    assert not is_in_the_source("no artifact below …: it has no manifest.json")
    assert not is_in_the_source("Raises BadInputError: missing, partial or another kind.")
