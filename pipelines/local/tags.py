"""``{{…}}``: putting values in place of tags."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from jobs.errors import BadInputError
from jobs.strict_json import parse
from jobs.words import shown

TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
MAX_ITEMS_BYTES = 2**28
"""Memory that reading one list may take."""
SAFE_LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


def fill(text: str, values: Mapping[str, str], where: str) -> str:
    """`text` with each tag replaced by its value. A tag without one is an error, never left."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise BadInputError(f"{where}: nothing to put in place of {match[0]}")
        if "\0" in values[match[1]]:
            raise BadInputError(
                f"{where}: {shown(match[0])} holds a NUL, which no program is given"
            )
        return values[match[1]]

    return TAG.sub(value, text)


def read_items(text: str, where: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each item of a list as JSON: how its step is called, and its tags.

    That is its name; its number where the name is another item's too, looks like a number or names
    no folder: each step has its own.

    An item is a text, ``{{item}}``, or a mapping, ``{{item.key}}``, of texts and lists. A list
    stays JSON, so that it can be the next list of items.
    """
    items = parse(text.encode(errors="replace"), f"{where}: withParam", MAX_ITEMS_BYTES)
    if not isinstance(items, list):
        raise BadInputError(f"{where}: withParam: expected a JSON list, got {shown(text)}")
    names = [item.get("name") if isinstance(item, dict) else item for item in items]
    taken = Counter(name for name in names if isinstance(name, str))
    for number, (name, item) in enumerate(zip(names, items, strict=True)):
        label = _label(name, number, taken)
        if isinstance(item, str):
            yield label, {"item": item}
        elif isinstance(item, dict) and all(isinstance(v, str | list) for v in item.values()):
            yield label, {f"item.{k}": _text(v) for k, v in item.items()}
        else:
            raise BadInputError(
                f"{where}: withParam: the local engine does not know items such as {shown(item)}, "
                "only texts, and mappings to texts and lists"
            )


def _label(name: object, number: int, taken: Mapping[str, int]) -> str:
    if not isinstance(name, str) or taken[name] > 1 or name.isdecimal():
        return str(number)
    return name if SAFE_LABEL.fullmatch(name) else str(number)


def _text(value: str | list[object]) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
