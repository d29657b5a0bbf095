"""YAML that remembers where everything stands, so that an error can name line and column.

Only what JSON knows is read: mappings by text, lists, texts, numbers, true, false and null. Dates,
tags (``!!binary``, ``!!python/…``), keys that are no text, numbers that are not decimal and
characters that are none to be seen are refused. Aliases may stand, as long as the file is small
with all of them unfolded.

A file is looked through as a stream of events, in bounded memory and without recursion, before
its tree is made: libyaml's own composing crashes on what nests too deep. What then is wrong with
single values is collected, so that all of it is told at once.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from jobs.errors import BadInputError, BadInputsError
from jobs.plain_yaml.text import MAX_BYTES, ODD, read_text
from jobs.plain_yaml.words import in_plain_words
from jobs.words import shown

Location = Sequence[int | str]
About = Literal["value", "key", "lack"]
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it was built

BYTES_PER_VALUE = 16
"""With `MAX_BYTES`, which also bounds characters and values with all aliases unfolded."""
MAX_DEPTH = 50
MAX_NUMBER = 40
"""Characters of one number."""
MOST_PROBLEMS = 20
"""Told of one file."""

_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null")}
_TEXT, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?")
"""Readers of YAML differ on 010, 0x10, 1_000 and 1:30."""


@dataclass(frozen=True, order=True)
class Problem:
    """What is wrong at one place of a file; lines and columns begin with 1."""

    line: int
    column: int
    said: str
    about: About = "value"
    """Of one place, the first of each is told."""


def refuse(path: str, problems: Sequence[Problem], more: Sequence[str] = ()) -> None:
    """Raises BadInputError if there are any: a line for each place, in the file's order.

    After them come those in `more`, of another file.
    """
    first: dict[tuple[int, int, str], Problem] = {}
    for problem in problems:
        first.setdefault((problem.line, problem.column, problem.about), problem)
    lines = [f"{path}:{at.line}:{at.column}: {at.said}" for at in sorted(first.values())]
    left = len(lines) - MOST_PROBLEMS
    if left > 0:
        lines[MOST_PROBLEMS:] = [f"{path}: and {left} more problems"]
    lines += more
    if len(lines) == 1:
        raise BadInputError(lines[0])
    if lines:
        raise BadInputsError(lines)


@dataclass(frozen=True)
class _Place:
    key: yaml.Node
    value: yaml.Node


@dataclass(frozen=True)
class YamlSource:
    """A file of YAML: its plain value, and the place of each part of it."""

    path: str
    value: Any
    problems: tuple[Problem, ...]
    """Values that are none of JSON's; each stands in `value` as a text."""
    _places: Mapping[tuple[int | str, ...], _Place]

    @classmethod
    def read(cls, path: Path) -> "YamlSource":
        """Raises BadInputError for what is no YAML of the plain kind, or is not there."""
        source = cls.look(path)
        refuse(source.path, source.problems)
        return source

    @classmethod
    def look(cls, path: Path) -> "YamlSource":
        """As `read`, but what is wrong with single values is left in `problems`."""
        name, text = str(path), read_text(path)
        loader = None
        try:
            _check_events(name, text)
            loader = LOADER(text)
            root = loader.get_single_node()
            if root is None:
                raise BadInputError(f"{name} is empty")
            checks = _Checks()
            checks.node(root)
            value = loader.construct_document(root)
            return cls(name, value, tuple(checks.problems), dict(_placed((), root, root)))
        except yaml.MarkedYAMLError as error:
            at = _position(name, error.problem_mark or error.context_mark)
            raise BadInputError(f"{at}: not YAML: {in_plain_words(error, text)}") from error
        finally:
            if loader is not None:
                loader.dispose()

    def problem(self, location: Location, said: str, about: About = "value") -> Problem:
        """A problem of the value at `location` (or its key), or of what is there around it."""
        steps = tuple(location)
        while steps not in self._places:
            steps, about = steps[:-1], "lack"
        place = self._places[steps]
        mark = (place.key if about == "key" else place.value).start_mark
        return Problem(mark.line + 1, mark.column + 1, said, about)

    def line(self, location: Location) -> int:
        """The line of the value at `location`, or of what is there around it."""
        return self.problem(location, "").line

    def position(self, location: Location) -> str:
        """``file:line:column`` of a value, or of the nearest thing around it that is there."""
        at = self.problem(location, "")
        return f"{self.path}:{at.line}:{at.column}"

    def position_of_key(self, location: Location) -> str:
        """``file:line:column`` of the key (rather than of its value) at `location`."""
        at = self.problem(location, "", "key")
        return f"{self.path}:{at.line}:{at.column}"

    def written(self, location: Location) -> str | None:
        """The value at `location` as it is written, where it is one without quotes."""
        place = self._places.get(tuple(location))
        is_plain = place and isinstance(place.value, yaml.ScalarNode) and not place.value.style
        return str(place.value.value) if place and is_plain else None

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


def _placed(
    location: tuple[int | str, ...], key: yaml.Node, node: yaml.Node
) -> Iterator[tuple[tuple[int | str, ...], _Place]]:
    """Every value by its location; of one that is merged (<<) and given, what is given is last."""
    yield location, _Place(key, node)
    if isinstance(node, yaml.MappingNode):
        for inner_key, value in node.value:
            yield from _placed((*location, inner_key.value), inner_key, value)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _placed((*location, number), value, value)


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
            if tag == "!function":
                why = "!function names code, and what is in a file is never run"
        if why:
            raise BadInputError(f"{_position(path, event.start_mark)}: {why}")


@dataclass
class _Checks:
    """Collects what JSON does not know; what an alias means is looked at once."""

    problems: list[Problem] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)

    def node(self, node: yaml.Node) -> None:
        """Checks it and what is in it; what is wrong becomes a text, a wrong key goes."""
        if id(node) in self._seen:
            return
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            self._keys(node)
            for _, value in node.value:
                self.node(value)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self.node(item)
        elif isinstance(node, yaml.ScalarNode) and (why := _why_no_scalar(node)):
            self._add(node, why, "value")
            node.tag = _TEXT

    def _keys(self, node: yaml.MappingNode) -> None:
        first: dict[str, int] = {}
        kept = []
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag not in (_TEXT, _MERGE):
                self._add(key, "a key is a text; put it in quotes")
            elif odd := ODD.search(key.value):
                self._add(key, f"the character {odd[0]!a} may not stand in a text")
            elif key.value in first:
                said = f"{shown(key.value)[1:-1]} is given twice"
                self._add(key, f"{said}; first on line {first[key.value]}; delete one")
            else:
                first[key.value] = key.start_mark.line + 1
                kept.append((key, value))
        node.value = kept

    def _add(self, node: yaml.Node, said: str, about: About = "key") -> None:
        mark = node.start_mark
        self.problems.append(Problem(mark.line + 1, mark.column + 1, said, about))


def _why_no_scalar(node: yaml.ScalarNode) -> str | None:
    if node.tag not in _TAGS:
        kind = "a date" if node.tag.endswith("timestamp") else "neither text nor number"
        return f"{shown(node.value)} is {kind}; put a text in quotes"
    if node.tag == _TEXT and (odd := ODD.search(node.value)):
        return f"the character {odd[0]!a} may not stand in a text"
    if node.tag in _NUMBERS:
        is_plain = len(node.value) <= MAX_NUMBER and _NUMBER.fullmatch(node.value)
        if not is_plain or not math.isfinite(float(node.value)):
            return f"{shown(node.value)} is no decimal number{_decimal(node.value)}"
    return None


def _decimal(text: str) -> str:
    """The fix of a number as only some readers of YAML take it."""
    plain = text.replace("_", "")
    if len(plain) <= MAX_NUMBER and _NUMBER.fullmatch(plain) and math.isfinite(float(plain)):
        return f"; write {plain}, or put a text in quotes"
    return "; write it as 4096 or 0.01, or put a text in quotes"


def _position(path: str, mark: Any) -> str:
    return f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path
