"""YAML that remembers where everything stands, so that an error can name line and column.

Only what JSON knows is read: mappings by text, lists, texts, numbers, true, false and null. Dates,
tags (``!!binary``, ``!!python/…``), keys that are no text, numbers that are not decimal and
characters that are none to be seen are refused. Aliases may stand, as long as the file is small
with all of them unfolded.

A file is looked through as a stream of events, in bounded memory and without recursion, before
its tree is made: libyaml's own composing crashes on what nests too deep.
"""

import math
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from jobs.errors import BadInputError
from jobs.words import shown

Location = Sequence[int | str]
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it was built

MAX_BYTES = 2**20
"""Of a file, and of its characters and values, with all aliases unfolded."""
BYTES_PER_VALUE = 16
MAX_DEPTH = 50
MAX_NUMBER = 40
"""Characters of one number."""

_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null")}
_TEXT, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?")
"""Readers of YAML differ on 010, 0x10, 1_000 and 1:30."""
_ODD = re.compile(
    "[^\n\r\t -~\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
"""Control characters, line and paragraph separators, and what turns the direction of writing."""


@dataclass(frozen=True)
class YamlSource:
    """A YAML file: its plain value, and the place of each part of it."""

    path: str
    value: Any
    _root: yaml.Node

    @classmethod
    def read(cls, path: Path) -> "YamlSource":
        """Raises BadInputError for what is no YAML of the plain kind, or is not there."""
        name, text = str(path), _read_text(path)
        loader = None
        try:
            _check_events(name, text)
            loader = LOADER(text)
            root = loader.get_single_node()
            if root is None:
                raise BadInputError(f"{name} is empty")
            _check_node(name, root, set())
            return cls(name, loader.construct_document(root), root)
        except yaml.MarkedYAMLError as error:
            at = _position(name, error.problem_mark)
            raise BadInputError(f"{at}: not YAML: {error.problem}") from error
        except yaml.YAMLError as error:
            raise BadInputError(f"{name}: not YAML: {error}") from error
        finally:
            if loader is not None:
                loader.dispose()

    def position(self, location: Location) -> str:
        """``file:line:column`` of a value, or of the nearest thing around it that is there."""
        node = self._root
        for step in location:
            inner = _child(node, step)
            if inner is None:
                break
            node = inner
        return _position(self.path, node.start_mark)

    def position_of_key(self, location: Location) -> str:
        """``file:line:column`` of the key (rather than of its value) at `location`."""
        node = self._root
        for step in location[:-1]:
            node = _child(node, step) or node
        if isinstance(node, yaml.MappingNode):
            for key, _ in reversed(node.value):
                if key.value == location[-1]:
                    return _position(self.path, key.start_mark)
        return self.position(location)

    def texts(self) -> Iterator[tuple[list[int | str], str]]:
        """(location, text) of every text in it; a key stands at its value's location."""
        return _texts([], self.value)


def _texts(location: list[int | str], value: Any) -> Iterator[tuple[list[int | str], str]]:
    if isinstance(value, str):
        yield location, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield [*location, key], key
            yield from _texts([*location, key], inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts([*location, number], inner)


def _read_text(path: Path) -> str:
    """A regular file of a bounded size, as UTF-8; nothing else is opened, for it might block."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadInputError(f"{path} cannot be read: it is no file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path} cannot be read: {_reason(error)}") from error
    if len(data) > MAX_BYTES:
        raise BadInputError(f"{path} is too large: more than {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = _place(str(path), data[: error.start].decode(errors="replace"))
        raise BadInputError(f"{at}: not UTF-8: {error.reason}") from error
    if odd := _ODD.search(text):
        at = _place(str(path), text[: odd.start()])
        raise BadInputError(f"{at}: the character {odd[0]!a} may not stand in a file of YAML")
    return text


def _reason(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else str(error)


def _place(path: str, before: str) -> str:
    """The place that follows the text `before`."""
    lines = before.split("\n")
    return f"{path}:{len(lines)}:{len(lines[-1]) + 1}"


class _Unfolding:
    """Follows events, and refuses what is too deep or, its aliases unfolded, too large."""

    def __init__(self) -> None:
        self._size = 0
        self._sizes: dict[str, int] = {}
        self._around: list[tuple[str | None, int]] = []
        """Anchor and the size before, of each list and mapping that is open."""

    def add(self, event: yaml.Event) -> str | None:
        """What is wrong with the event, or None."""
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in (anchor for anchor, _ in self._around):
                return f"*{event.anchor} stands within what it means"
            self._size += self._sizes.get(str(event.anchor), 0)
        elif isinstance(event, yaml.ScalarEvent):
            self._around.append((event.anchor, self._size))
            self._size += BYTES_PER_VALUE + len(event.value)
            self._end()
        elif isinstance(event, yaml.CollectionStartEvent):
            self._around.append((event.anchor, self._size))
            self._size += BYTES_PER_VALUE
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        if len(self._around) > MAX_DEPTH:
            return f"nests deeper than {MAX_DEPTH}"
        return "too many values, its aliases unfolded" if self._size > MAX_BYTES else None

    def _end(self) -> None:
        anchor, before = self._around.pop()
        if anchor:
            self._sizes[anchor] = self._size - before


def _check_events(path: str, text: str) -> None:
    unfolding = _Unfolding()
    for event in yaml.parse(text, Loader=LOADER):
        why = unfolding.add(event)
        tag = getattr(event, "tag", None)
        if tag is not None:
            why = f"the tag {shown(tag)} means nothing here; put a text in quotes"
        if why:
            raise BadInputError(f"{_position(path, event.start_mark)}: {why}")


def _check_node(path: str, node: yaml.Node, seen: set[int]) -> None:
    """Refuses what JSON does not know; what an alias means is looked at once."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        _check_keys(path, node)
        for _, value in node.value:
            _check_node(path, value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check_node(path, item, seen)
    elif isinstance(node, yaml.ScalarNode):
        _check_scalar(_position(path, node.start_mark), node)


def _check_keys(path: str, node: yaml.MappingNode) -> None:
    first: dict[str, int] = {}
    for key, _ in node.value:
        at = _position(path, key.start_mark)
        if not isinstance(key, yaml.ScalarNode) or key.tag not in (_TEXT, _MERGE):
            raise BadInputError(f"{at}: a key is a text; put it in quotes")
        _refuse_odd(at, key.value)
        if key.value in first:
            said = f"{shown(key.value)[1:-1]} is given twice"
            raise BadInputError(f"{at}: {said}; first on line {first[key.value]}")
        first[key.value] = key.start_mark.line + 1


def _check_scalar(at: str, node: yaml.ScalarNode) -> None:
    if node.tag not in _TAGS:
        raise BadInputError(
            f"{at}: {shown(node.value)} is neither text nor number; put it in quotes"
        )
    if node.tag == _TEXT:
        _refuse_odd(at, node.value)
        return
    if node.tag in _NUMBERS:
        is_plain = len(node.value) <= MAX_NUMBER and _NUMBER.fullmatch(node.value)
        if not is_plain or not math.isfinite(float(node.value)):
            raise BadInputError(
                f"{at}: {shown(node.value)} is no decimal number; or a text? quote it"
            )


def _refuse_odd(at: str, text: str) -> None:
    if odd := _ODD.search(text):
        raise BadInputError(f"{at}: the character {odd[0]!a} may not stand in a text")


def _child(node: yaml.Node, step: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        # From the end: what is merged (<<) stands before what is given.
        inside = ((key.value, value) for key, value in reversed(node.value))
        found: yaml.Node | None = next((value for key, value in inside if key == str(step)), None)
        return found
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        inner: yaml.Node = node.value[step]
        return inner
    return None


def _position(path: str, mark: Any) -> str:
    return f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path
