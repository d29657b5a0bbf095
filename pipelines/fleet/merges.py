"""The merges that a family asks for."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.fleet.model import Family


@dataclass(frozen=True)
class Merge:
    """One merge, its models by their names within the family."""

    candidate: str
    models: Mapping[str, str]
    """By role: base, instruct, onto."""
    will_train: bool
    """onto is the family's base, which stands for the refreshed one."""
    location: tuple[str | int, ...]
    """Of what asks for it, within the family in the fleet file."""


def merges(family: Family) -> list[Merge]:
    """Its own residual's, its siblings', and those onto derived models, as `check` is asked."""
    found = [
        Merge(
            residual["name"],
            {"base": residual["base"], "instruct": residual["instruct"], "onto": "base"},
            will_train=True,
            location=("siblings", number - 1) if number else (),
        )
        for number, residual in enumerate(family.residuals())
    ]
    return found + [
        Merge(
            model.candidate,
            {"base": "base", "instruct": "instruct", "onto": model.name},
            will_train=False,
            location=("derived", number),
        )
        for number, model in enumerate(family.derived)
    ]
