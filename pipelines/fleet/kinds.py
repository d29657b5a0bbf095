"""What YAML makes of a value that its writer did not mean: told with what to write instead.

``epochs: yes`` is true, ``publishers: [no]`` (Norway) false, ``name: 2024`` a number, ``epochs:``
alone null, ``1.0`` no whole number. The schema says which kind is expected where.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jobs.plain_yaml import YamlSource
from jobs.words import shown
from pipelines.fleet.places import definition, fleet_schema

Place = tuple[int | str, ...]
_WHOLE = re.compile(r"[0-9]{1,15}")
_POWER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?[eE]\+?[0-9]{1,2}")
"""A number that YAML takes for a text, as it would not with ``1.0e+3``."""
_IN_LIST = re.compile(r"[\w.,/:-]+")


def mistaken(source: YamlSource) -> Iterator[tuple[Place, str]]:
    """(location, what is wrong and the fix) of each value of another kind than is expected."""
    return _mistaken((), source.value, fleet_schema(), source, is_required=True)


def _mistaken(
    place: Place, value: Any, node: Mapping[str, Any], source: YamlSource, *, is_required: bool
) -> Iterator[tuple[Place, str]]:
    node = definition(node)
    if why := _why(value, _types(node), node, source.written(place)):
        yield place, why
    elif value is None and _types(node) and "null" not in _types(node):
        leave = "" if is_required else ", or leave the line out"
        yield place, f"is empty; give it a value{leave}"
    elif isinstance(value, dict):
        known, required = node.get("properties", {}), node.get("required", ())
        for key, inner in value.items():
            if key in known:
                there = (*place, key)
                yield from _mistaken(there, inner, known[key], source, is_required=key in required)
    elif isinstance(value, list):
        items = node.get("items", {})
        for number, inner in enumerate(value):
            yield from _mistaken((*place, number), inner, items, source, is_required=True)


def _types(node: Mapping[str, Any]) -> set[str]:
    """Names of the kinds that JSON Schema has for it; none where it allows any."""
    if "anyOf" in node:
        return set().union(*(_types(definition(inner)) for inner in node["anyOf"]))
    if "enum" in node or "const" in node:
        return {"string"}
    return {node["type"]} if "type" in node else set()


def _why(value: Any, types: set[str], node: Mapping[str, Any], written: str | None) -> str | None:
    if isinstance(value, str) and "integer" in types and _POWER.fullmatch(written or ""):
        value = float(value)
    if not types or value is None or _is(value, types):
        return None
    if "object" in types:
        return f"expected a mapping{_as_mapping(value, node)}"
    if "array" in types:
        return f"expected a list{_as_list(value, written)}"
    if isinstance(value, dict | list):
        return f"expected {_expected(types)}, got {shown(value)}"
    said = written if written is not None else str(value)
    if types <= {"string", "null"}:
        kind = "a number" if not isinstance(value, bool) else str(value).lower()
        return f"{shown(said)[1:-1]} is {kind} in YAML; put it in quotes: {shown(said)}"
    return f"expected {_expected(types)}, got {shown(said)[1:-1]}{_as_whole(value, types)}"


def _is(value: Any, types: set[str]) -> bool:
    if isinstance(value, bool):
        return "boolean" in types
    if isinstance(value, str):  # a text may say what another kind means: "false", 3e-4
        return not types <= {"object", "array", "null"}
    if isinstance(value, int):
        return bool({"integer", "number"} & types)
    if isinstance(value, float):
        return "number" in types
    kind = {dict: "object", list: "array", type(None): "null"}[type(value)]
    return kind in types


def _expected(types: set[str]) -> str:
    if "boolean" in types:
        return "true or false"
    if "number" in types:
        return "a number"
    if "integer" in types:
        return "a count such as 4096 or 100M" if "string" in types else "a whole number"
    return "a text"


def _as_whole(value: Any, types: set[str]) -> str:
    is_whole = isinstance(value, float) and "integer" in types and value.is_integer()
    return f"; write {value:.0f}" if is_whole and _WHOLE.fullmatch(f"{value:.0f}") else ""


def _as_mapping(value: Any, node: Mapping[str, Any]) -> str:
    properties = node.get("properties", {})
    if isinstance(value, str) and "from" in properties:
        return f"; write {{from: {shown(value)[1:-1]}}}"
    if isinstance(value, list):
        return "; its keys stand on lines of their own, without '- '"
    return f"; its keys are {', '.join([*properties][:4])}, …" if properties else ""


def _as_list(value: Any, written: str | None) -> str:
    if isinstance(value, dict):
        return "; begin each entry with '- '"
    text = written if written is not None else str(value)
    return f"; write [{text}]" if _IN_LIST.fullmatch(text) and len(text) < 80 else ""
