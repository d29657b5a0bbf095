"""``python -m jobs.<job> --help``: the settings of a job in a user's words."""

import re
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from jobs.command.quantity import count_text, is_count

MOST_COLUMNS = 100
INDENT = 2
SOME_COUNT = "100M"
LAST = ("out", "settings-digest")
"""Flags that many jobs have, after those of a job's own."""
WORDS = 26
"""Columns of a flag and its value; longer ones take a line of their own."""

EXIT_CODES = (
    "exit codes: 0 done; 64 bad input, the same command fails again; 75 trouble that may pass, "
    "try again; 143 stopped, the same command continues; 1 a fault of the program"
)


def help_text(
    program: str, doc: str, flags: Mapping[str, FieldInfo], notes: Sequence[str], example: str
) -> str:
    """The help of a program whose settings are `flags`."""
    width = min(MOST_COLUMNS, shutil.get_terminal_size().columns)
    in_order = sorted(flags.items(), key=lambda flag: flag[0] in LAST)
    required = {name: field for name, field in in_order if field.is_required()}
    others = {name: field for name, field in in_order if name not in required}
    needed = " ".join(f"--{name} {value_word(name, field)}" for name, field in required.items())
    usage = f"usage: {program} {needed}{' [--flag value …]' if others else ''}"
    parts = [_wrapped(usage, width, "    "), *(_wrapped(part, width) for part in _paragraphs(doc))]
    for title, group in (("required:", required), ("optional:", others)):
        if group:
            rows = (_row(name, field, width) for name, field in group.items())
            parts.append("\n".join([title, *rows]))
    parts += [_wrapped(note, width, "  ") for note in notes]
    parts += [f"example:\n  {program} {example}", _wrapped(EXIT_CODES, width, "  ")]
    return "\n\n".join(parts) + "\n"


def value_word(name: str, field: FieldInfo) -> str:
    """What stands for a flag's value: choices, an example, or a word for its kind."""
    if field.examples:
        return flag_text(field.examples[0])
    word = _kind_word(name, field.annotation, field.metadata)
    is_known = word == SOME_COUNT and isinstance(field.default, int)
    return count_text(field.default) if is_known else word


def flag_text(value: Any) -> str:
    """A setting's value as the text of its flag; None as the empty text, which means "not given".

    >>> flag_text(("us", "uk")), flag_text(False), flag_text(2e-05), flag_text(None)
    ('us,uk', 'false', '2e-05', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(map(flag_text, value))
    return str(value)


def _kind_word(name: str, kind: Any, metadata: Sequence[Any]) -> str:
    if get_origin(kind) is Annotated:
        inner, *more = get_args(kind)
        return _kind_word(name, inner, [*metadata, *more])
    if is_count(metadata):
        return SOME_COUNT
    if get_origin(kind) in (Union, UnionType):
        return _kind_word(name, next(k for k in get_args(kind) if k is not type(None)), metadata)
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    if get_origin(kind) is tuple:
        return "a,b"
    words = [str(item.word) for item in metadata if getattr(item, "word", None)]
    named = {bool: "true|false", int: "N", float: "NUMBER"}
    return words[0] if words else named.get(kind, name.rpartition("-")[2].upper())


def _row(name: str, field: FieldInfo, width: int) -> str:
    head = f"{' ' * INDENT}--{name} {value_word(name, field)}"
    said = " ".join((field.description or "").replace("``", "").split())
    default = described(field)
    told = [*limits(field), *([f"default: {default}"] if default else [])]
    text = f"{said} ({'; '.join(told)})" if told else said
    lines = textwrap.wrap(text, max(20, width - INDENT - WORDS), break_long_words=False)
    margin = " " * (INDENT + WORDS)
    if len(head) >= len(margin):
        return "\n".join([head, *(margin + line for line in lines)])
    first, *rest = lines or [""]
    return "\n".join([head.ljust(len(margin)) + first, *(margin + line for line in rest)])


def limits(field: FieldInfo) -> list[str]:
    """``at least 1``, ``less than 2``: what a number may be."""
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    return [
        f"{word} {_bound(getattr(item, bound), field)}"
        for item in field.metadata
        for bound, word in words.items()
        if getattr(item, bound, None) is not None
    ]


def _bound(number: float, field: FieldInfo) -> str:
    return count_text(int(number)) if is_count(field.metadata) else f"{number:.15g}"


def described(field: FieldInfo) -> str:
    """A setting's default, in a user's words; empty where there is none that could be told."""
    default = field.get_default()
    if field.is_required() or default is None or default == ():
        return ""
    return count_text(default) if is_count(field.metadata) else flag_text(default)


def _paragraphs(doc: str) -> list[str]:
    return [" ".join(part.split()).replace("``", "") for part in re.split(r"\n\s*\n", doc.strip())]


def _wrapped(text: str, width: int, indent: str = "") -> str:
    return textwrap.fill(
        text, max(40, width), subsequent_indent=indent, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
