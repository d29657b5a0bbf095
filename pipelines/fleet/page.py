"""``docs/fleet.md``: every key of a fleet file, from the models that check one."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from jobs.command.help import described, limits, value_word
from jobs.validation import Shape
from jobs.words import joined
from pipelines.fleet.model import Derived, Family, Fleet, Model, Sibling
from pipelines.fleet.placement import Placement
from pipelines.fleet.prices import Prices
from pipelines.fleet.sections import FAMILY_SECTIONS, FLEET_SECTIONS, JOBS, section_fields

Fields = Mapping[str, FieldInfo]

TEMPLATE = Path(__file__).with_name("page.md")
PARTS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("A family", "An entry of `families`.", Family),
    ("A model", "`base`, `instruct`, and those of a sibling.", Model),
    ("A derived model", "An entry of `derived`: a model, with a name.", Derived),
    ("A sibling", "An entry of `siblings`.", Sibling),
    ("Placement", "The key `placement`.", Placement),
    ("Prices", "The key `prices`.", Prices),
)
WORDS = {"N": "whole number", "NUMBER": "number"}
TITLES: Mapping[Any, str] = {model: title for title, _, model in PARTS}


def page() -> str:
    """The whole page, as Markdown."""
    parts = (
        f"## {title}\n\n{where} {_first(model)}\n\n{_table(model.model_fields)}"
        for title, where, model in PARTS
    )
    sections = (
        f"### {job}\n\n{_first(JOBS[job])}\n\n{_table(section_fields(job))}"
        for job in (*FLEET_SECTIONS, *FAMILY_SECTIONS)
    )
    return Template(TEMPLATE.read_text()).substitute(
        file=_table(Fleet.model_fields),
        parts="\n".join(parts),
        fleet_sections=_listed(FLEET_SECTIONS),
        family_sections=_listed(FAMILY_SECTIONS),
        sections="\n".join(sections),
    )


def _first(model: type[BaseModel]) -> str:
    """The first paragraph of its docstring."""
    return " ".join((model.__doc__ or "").partition("\n\n")[0].replace("``", "`").split())


def _table(fields: Fields) -> str:
    rows = [_row(field.alias or name, field) for name, field in fields.items() if name not in JOBS]
    if sections := [name for name in fields if name in JOBS]:
        rows.append(f"| {_listed(sections)} | [settings](#settings-of-the-jobs) | | |")
    return "\n".join(["| key | value | meaning | default |", "|---|---|---|---|", *rows, ""])


def _row(name: str, field: FieldInfo) -> str:
    meaning, told = _parted(field.description or "")
    default = "required" if field.is_required() else told or _code(described(field)) or "none"
    value = ", ".join([_value(name, field), *limits(field)])
    return f"| `{name}` | {_cell(value)} | {_cell(meaning)} | {_cell(default)} |"


def _parted(description: str) -> tuple[str, str]:
    """What a docstring says, and the default where it tells that in words."""
    meaning, found, default = " ".join(description.split()).partition("; default: ")
    return (f"{meaning}.", default.removesuffix(".")) if found else (meaning, "")


def _value(name: str, field: FieldInfo) -> str:
    """What may be written: a part of the file, a form in words, an example, or a kind."""
    for kind in (field.annotation, *get_args(field.annotation)):
        if title := TITLES.get(kind):
            link = f"[{title.lower()}](#{title.lower().replace(' ', '-')})"
            return f"list of {link}" if get_origin(field.annotation) is tuple else link
    shapes = [item.words for item in _metadata(field) if isinstance(item, Shape)]
    if shapes:
        return shapes[0]
    if get_origin(field.annotation) is tuple:
        return f"`[{', '.join(field.examples[0])}]`" if field.examples else "a list"
    word = value_word(name, field)
    return WORDS.get(word) or (
        "text" if word == name.upper() else _code(word.replace("|", "` or `"))
    )


def _metadata(field: FieldInfo) -> Iterator[object]:
    yield from field.metadata
    for kind in get_args(field.annotation):
        yield from getattr(kind, "__metadata__", ())


def _code(text: str) -> str:
    return text and f"`{text}`"


def _cell(text: str) -> str:
    return text.replace("``", "`").replace("<", "&lt;")


def _listed(names: Iterable[str]) -> str:
    return joined([_code(name) for name in names])
