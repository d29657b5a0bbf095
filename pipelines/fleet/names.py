"""Names that two of one kind would have, those included that are made of others.

A candidate is named by ``release``, or else ``<family>-instruct``; a derived model's is
``<name>-instruct``, and a sibling brings the models ``<name>-base`` and ``<name>-instruct`` and the
candidate ``<main>-from-<name>``. So two may collide of which nobody wrote one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.words import shown
from pipelines.fleet.model import CONTROLS, SCORED_ORIGINALS

TAKEN = (*SCORED_ORIGINALS, *CONTROLS)

Place = tuple[int | str, ...]


@dataclass(frozen=True)
class Named:
    """A name, the place of the text that gives it, and how it is made of that text."""

    name: str
    what: str
    place: Place
    made: str = ""
    """As ``<family>-instruct``; empty where the name stands there itself."""


@dataclass(frozen=True)
class Collision:
    """Two of one name: the first, and the one that has to be renamed."""

    first: Named | None
    """None where every family has one of this name."""
    second: Named


def collisions(tree: Any) -> Iterator[Collision]:
    """The names of a fleet file that is not checked yet: what is no name there is passed over."""
    families = [*_named(tree, "families")]
    yield from _repeated([Named(name, "family", place) for name, place, _ in families])
    candidates: list[Named] = []
    for name, place, family in families:
        own = [*_candidates(name, place, family)]
        beside = [*_models(place, family)]
        yield from _repeated([*beside, *own], TAKEN)
        candidates += own
    of_several = _repeated(candidates)
    yield from (c for c in of_several if c.first and c.first.place[:2] != c.second.place[:2])


def explained(collision: Collision, line_of_first: int | None) -> str:
    """The collision in one line; `line_of_first` is where the other's name is given."""
    second, first = collision.second, collision.first
    here = f"the {second.what} {shown(second.name)}"
    if second.made:
        here += f" (made of it: {second.made})"
    if first is None:
        taken = ", ".join(TAKEN)
        return f"{here} has a name that every family scores ({taken}); choose another"
    other = f"the {first.what} of line {line_of_first}"
    if first.made:
        other = f"the {first.what} that line {line_of_first} makes ({first.made})"
    return f"{here} has the same name as {other}; choose another{_or_release(first, second)}"


def _or_release(*both: Named) -> str:
    is_main = any(one.made == "<family>-instruct" for one in both)
    return ", or give its family a `release`" if is_main else ""


def _repeated(names: Sequence[Named], taken: Sequence[str] = ()) -> Iterator[Collision]:
    first: dict[str, Named] = {}
    for named in names:
        if named.name in taken:
            yield Collision(None, named)
        elif named.name in first:
            yield Collision(first[named.name], named)
        else:
            first[named.name] = named


def _models(place: Place, family: Mapping[str, Any]) -> Iterator[Named]:
    for name, at, _ in _named(family, "derived", place):
        yield Named(name, "model", at)
    for name, at, _ in _named(family, "siblings", place):
        for end in ("base", "instruct"):
            yield Named(f"{name}-{end}", "model", at, f"<sibling>-{end}")


def _candidates(name: str, at: Place, family: Mapping[str, Any]) -> Iterator[Named]:
    place, release = at[:-1], family.get("release")
    main = Named(f"{name}-instruct", "candidate", at, "<family>-instruct")
    if isinstance(release, str):
        main = Named(release, "candidate", (*place, "release"))
    yield main
    for sibling, where, _ in _named(family, "siblings", at):
        whole = f"{main.name}-from-{sibling}"
        yield Named(whole, "candidate", where, f"{main.made or '<release>'}-from-<sibling>")
    for derived, where, _ in _named(family, "derived", at):
        yield Named(f"{derived}-instruct", "candidate", where, "<derived>-instruct")


def _named(
    around: Any, key: str, place: Place = ()
) -> Iterator[tuple[str, Place, Mapping[str, Any]]]:
    """(name, place of the name, entry) of each entry with a name in a list of entries."""
    entries = around.get(key) if isinstance(around, dict) else None
    outer = place[:-1] if place else ()
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            yield entry["name"], (*outer, key, number, "name"), entry
