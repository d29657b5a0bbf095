"""The fleet file: read and checked, all of what is wrong with it at once.

An error names file, line, column and field, what was expected, and the fix or the nearest valid
name. The schema lies in ``fleets/fleet.schema.json``; an editor that reads YAML schemas completes
from it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from jobs.errors import BadInputError, BadInputsError
from jobs.plain_yaml import Location, Problem, YamlSource, refuse
from jobs.plain_yaml.telling import dotted, problems_of
from jobs.suites import load_suite
from jobs.words import shown
from pipelines.fleet.kinds import mistaken
from pipelines.fleet.model import Fleet
from pipelines.fleet.names import collisions, explained
from pipelines.fleet.places import fleet_schema, unknown_field
from pipelines.fleet.sections import FAMILY_SECTIONS, FLEET_SECTIONS, JOBS, check_together
from pipelines.fleet.texts import why_unfit

__all__ = ["fleet_of", "fleet_schema", "read_fleet"]
_NEGATIVE = re.compile(r"-[0-9][0-9.]*[eE][-+]?[0-9]+")
"""A number that YAML takes for a text; where a text is expected, it is refused as a flag."""
MAX_TEXT = 1000
"""Characters. What looks for secrets in a text takes up to their square."""
_TOO_LONG = f"has {{}} characters; expected at most {MAX_TEXT}"
BEGIN = "; begin with name, suite and families, as fleets/news.yaml does"


def read_fleet(path: Path, *, for_cluster: bool = False) -> Fleet:
    """The fleet in a file. Raises BadInputError, a line for each thing that is wrong.

    A fleet that says nothing of GPUs may run on this machine with any number of processes; only
    `for_cluster` must they fit the default.
    """
    return fleet_of(YamlSource.look(path), for_cluster=for_cluster)


def fleet_of(source: YamlSource, *, for_cluster: bool = False) -> Fleet:
    """As `read_fleet`, of a file that was looked through."""
    path = Path(source.path)
    problems = [*source.problems]
    if not isinstance(source.value, dict):
        said = f"fleet: expected a mapping{BEGIN}"
        refuse(source.path, [*problems, source.problem((), said)])
    problems += _mistaken_kinds(source)
    fleet, found = _validated(source, path)
    of_suite, more = _wrong_suite(source, path)
    problems += [*_unfit_texts(source), *found, *_colliding_names(source), *of_suite]
    for location, said in _disagreements(source.value, for_cluster=for_cluster):
        problems.append(source.problem(location, f"{dotted(location)}: {said}", "key"))
    refuse(source.path, problems, more)
    assert fleet is not None
    return fleet


def _unfit_texts(source: YamlSource) -> Iterator[Problem]:
    for location, text in source.texts():
        why = why_unfit(text) if len(text) <= MAX_TEXT else _TOO_LONG.format(len(text))
        if why and not _NEGATIVE.fullmatch(source.written(location) or ""):
            is_key = location[-1:] == [text]
            where = dotted(location[:-1] if is_key else location) or "fleet"
            said = f"{where}: {shown(text)} {why}"
            yield source.problem(location, said, "key" if is_key else "value")


def _mistaken_kinds(source: YamlSource) -> Iterator[Problem]:
    for location, said in mistaken(source):
        yield source.problem(location, f"{dotted(location)}: {said}")


def _colliding_names(source: YamlSource) -> Iterator[Problem]:
    for collision in collisions(source.value):
        first, place = collision.first, collision.second.place
        said = explained(collision, source.line(first.place) if first else None)
        yield source.problem(place, f"{dotted(place)}: {said}")


def _wrong_suite(source: YamlSource, path: Path) -> tuple[list[Problem], Sequence[str]]:
    """What is wrong with the suite that is named, and the lines of a file of the user's own."""
    suite = source.value.get("suite")
    if not isinstance(suite, str) or why_unfit(suite[:MAX_TEXT]) or suite.startswith("{"):
        return [], []
    is_file = suite.endswith((".yaml", ".yml"))
    try:
        load_suite(str(path.parent / suite) if is_file else suite).definition()
    except BadInputsError as error:
        return [], error.lines
    except BadInputError as error:
        return [source.problem(["suite"], f"suite: {error}")], []
    return [], []


def _validated(source: YamlSource, path: Path) -> tuple[Fleet | None, list[Problem]]:
    """The fleet, or what its model says of it."""
    try:
        folder = {"folder": path.resolve().parent}
        return Fleet.model_validate(source.value, context=folder), []
    except ValidationError as error:
        return None, problems_of(error, source, "fleet", unknown_field)


def _disagreements(tree: Mapping[str, Any], *, for_cluster: bool) -> Iterator[tuple[Location, str]]:
    """Settings that are valid, but not together: where, and why."""
    for job in FLEET_SECTIONS:
        if said := check_together(job, _section(tree, job)):
            yield [job], said
    for job in FAMILY_SECTIONS:
        common = _section(tree, job)
        of_all = check_together(job, common)
        if of_all and len(_families(tree)) > 0:
            yield [job], of_all
        for index, family in enumerate(_families(tree)):
            own = _section(family, job)
            said = check_together(job, {**common, **own}) if own else ""
            if said and said != of_all:
                yield ["families", index, job], said
    yield from _idle_or_missing_gpus(tree, for_cluster=for_cluster)


def _idle_or_missing_gpus(
    tree: Mapping[str, Any], *, for_cluster: bool
) -> Iterator[tuple[Location, str]]:
    """Families that do not train one process a GPU: where, and why."""
    default = Fleet.model_fields["placement"].default.train_gpus
    gpus = _section(tree, "placement").get("train_gpus", default if for_cluster else 0)
    one = JOBS["train"].model_fields["processes"].default
    common = _section(tree, "train").get("processes", one)
    for index, family in enumerate(_families(tree)):
        own = _section(family, "train")
        processes = own.get("processes", common)
        if not (type(gpus) is type(processes) is int) or gpus <= 0 or gpus == processes:
            continue
        place: list[int | str] = ["families", index] if "processes" in own else []
        name = shown(family.get("name", ""))[1:-1]
        said = f"{processes} for {name}, but placement.train_gpus is {gpus}"
        yield [*place, "train", "processes"], f"{said}; give both the same number, or 0 GPUs"


def _families(tree: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = tree.get("families")
    return (
        [one if isinstance(one, dict) else {} for one in found] if isinstance(found, list) else []
    )


def _section(around: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = around.get(name)
    return found if isinstance(found, dict) else {}
