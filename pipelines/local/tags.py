"""``{{…}}``: putting values in place of tags.

A tag is a name, or one of two expressions over a parameter that is a JSON list of mappings: the
names of all of them, to loop over, and a field of the one whose name the item of the loop is.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from jobs.errors import BadInputError
from jobs.strict_json import parse
from jobs.words import shown

TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
LISTED = r"fromJSON\(workflow\.parameters\['([\w-]+)'\]\)"
NAMES = rf"=toJson\(map\({LISTED}, #\.name\)\)"
FIELD = rf"=find\({LISTED}, #\.name == item\)\['([\w-]+)'\]"
MAX_ITEMS_BYTES = 2**28
"""Memory that reading one list may take."""
SAFE_LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_ALTERED = re.compile(r"\{\{|\$\(|\$\$|[\x00-\x07\x0b\x0e-\x1f\x7f]|[\U00010000-\U0010ffff]")


def fill(text: str, values: Mapping[str, str], where: str) -> str:
    """`text` with each tag replaced by its value. A tag without one is an error, never left."""

    def value(match: re.Match[str]) -> str:
        found = _evaluated(match[1], values, where)
        if found is None:
            raise BadInputError(f"{where}: nothing to put in place of {match[0]}")
        return found

    filled = TAG.sub(value, text)
    if found := altered(filled):
        raise BadInputError(
            f"{where}: {shown(text)} holds {found!a}, which a cluster does not hand on as it is"
        )
    return filled


def altered(text: str) -> str | None:
    """What Argo or Kubernetes would put something else in place of, or not take; None if nothing.

    Argo looks for tags in the values of tags, too, and Kubernetes for ``$(NAME)`` in a command;
    ``$$`` is one dollar to it. Argo writes control characters, and what has no shape beyond the
    first 65,536 characters, as Go does, and reads them as JSON.
    """
    for match in _ALTERED.finditer(text):
        if match[0] < "\U00010000" or not match[0].isprintable():
            return match[0]
    return None


def _evaluated(tag: str, values: Mapping[str, str], where: str) -> str | None:
    if match := re.fullmatch(NAMES, tag):
        listed = _listed(match[1], values, where)
        return None if listed is None else json.dumps([item.get("name") for item in listed])
    if match := re.fullmatch(FIELD, tag):
        listed = _listed(match[1], values, where) if "item" in values else None
        return None if listed is None else find(listed, values["item"]).get(match[2])
    return values.get(tag)


def _listed(name: str, values: Mapping[str, str], where: str) -> list[Mapping[str, str]] | None:
    text = values.get(f"workflow.parameters.{name}")
    return None if text is None else read_list(text, f"{where}: {name}")


def read_list(text: str, where: str) -> list[Mapping[str, str]]:
    """A parameter that is a list, as JSON, of mappings of texts. Raises BadInputError."""
    listed = parse(text.encode(errors="replace"), where, MAX_ITEMS_BYTES)
    if not isinstance(listed, list):
        raise BadInputError(f"{where}: expected a JSON list, got {shown(text)}")
    for item in listed:
        texts = item.values() if isinstance(item, dict) else [None]
        if not all(isinstance(value, str) for value in texts):
            raise BadInputError(f"{where}: expected mappings to texts, got {shown(item)}")
    return listed


def find(listed: Iterable[Mapping[str, str]], name: str) -> Mapping[str, str]:
    """The first item of this name; nothing where there is none."""
    return next((item for item in listed if item.get("name") == name), {})


def read_items(text: str, where: str) -> Iterator[tuple[str, str]]:
    """Each text of a list as JSON: how its step is called, and the text.

    It is called by the text; by its number where the text stands there twice, looks like a number
    or names no folder: each step has a name of its own.
    """
    items = parse(text.encode(errors="replace"), f"{where}: withParam", MAX_ITEMS_BYTES)
    if not isinstance(items, list):
        raise BadInputError(f"{where}: withParam: expected a JSON list, got {shown(text)}")
    for item in items:
        if not isinstance(item, str):
            raise BadInputError(
                f"{where}: withParam: the local engine does not know items such as {shown(item)}, "
                "only texts"
            )
    taken = Counter(items)
    for number, item in enumerate(items):
        yield _label(item, number, taken), item


def _label(name: str, number: int, taken: Mapping[str, int]) -> str:
    if taken[name] > 1 or name.isdecimal():
        return str(number)
    return name if SAFE_LABEL.fullmatch(name) else str(number)
