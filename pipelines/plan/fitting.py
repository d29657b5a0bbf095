"""Whether the models of a fleet can be merged, as far as it is known before a run.

Decided by the function that decides in merge (`jobs.fit`). Of models that lie in the store or in
folders it is asked as merge will ask it, without the tensors' values; of models on the hub only
their configs are known here. What cannot be known yet, the run's step ``check`` finds.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError, TransientError
from jobs.fit.configuration import DifferingConfigsError, check_configs
from jobs.fit.fitting import fit
from jobs.fit.shapes import EXTEND
from jobs.store.prefix import Prefix
from pipelines.fleet.model import Family, Fleet
from pipelines.plan.folders import model_in_folder
from pipelines.plan.intent import Finding, Known
from pipelines.plan.models import FleetModel, ModelFacts

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Merge:
    """A merge that a family asks for, its models by their names within the family."""

    candidate: str
    models: Mapping[str, str]
    """By role: base, instruct, onto."""
    will_train: bool
    """onto is the family's base, which stands for the refreshed one."""
    location: Location
    """Within the family."""


@dataclass(frozen=True)
class Misfit:
    """Why a merge would be refused: where in the fleet file, and what is wrong with the fix."""

    location: Location
    said: str


@dataclass(frozen=True)
class _Asked:
    """One merge, and what is known of its models."""

    merge: Merge
    models: Mapping[str, FleetModel]
    facts: Mapping[str, ModelFacts]
    store: str

    def misfit(self, said: str, *, with_source: bool) -> Misfit:
        return Misfit(self.merge.location, self.in_words(said, with_source=with_source))

    def in_words(self, said: str, *, with_source: bool) -> str:
        """A message of `jobs.fit` in the words of a fleet file: models by name, no flags."""

        def name(flag: re.Match[str]) -> str:
            model = self.models[flag[1]]
            return f"{model.name} {model.source}" if with_source else model.name

        said = re.sub(r" in the fleet file \(--[^)]*\)", "", said)
        said = re.sub(r"--(base|instruct|onto)\b", name, said)
        return said.replace("--allow-config", "allow_config").replace("--vocabulary", "vocabulary:")

    def artifacts(self) -> dict[str, Artifact]:
        """Of each role whose model is at hand, not only known by its config."""
        found = {}
        for role, model in self.models.items():
            facts = self.facts[role]
            if facts.problem:
                continue
            if facts.manifest is not None:
                found[role] = Artifact(Prefix(model.uri(self.store)), facts.manifest)
            elif model.is_folder and (artifact := model_in_folder(Path(model.source))):
                found[role] = artifact
        return found


def merges(family: Family) -> list[Merge]:
    """All of its merges: its own residual's, its siblings', those onto derived models."""
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


def check_fit(known: Known) -> Iterator[Finding]:
    """Merges that would be refused: each reason once, at the line that mends it or is wrong."""
    if not known.models:  # nor is anything known of a store that does not answer
        return
    intent = known.intent
    try:
        for misfit in misfits(intent.fleet, known.models, intent.parameters["store"]):
            yield Finding(intent.at(*misfit.location), misfit.said)
    except TransientError as error:
        yield Finding("", f"whether the models fit is not known yet: {error}", is_problem=False)


def misfits(fleet: Fleet, known: Mapping[FleetModel, ModelFacts], store: str) -> Iterator[Misfit]:
    """Why merges of the fleet would be refused, each reason once; by family, in its order.

    Raises TransientError where the store does not answer.
    """
    by_name = {(model.family, model.name): model for model in known}
    if not by_name:
        return
    for number, family in enumerate(fleet.families):
        asked = []
        for merge in merges(family):
            models = {role: by_name[family.name, name] for role, name in merge.models.items()}
            facts = {role: known[model] for role, model in models.items()}
            asked.append(_Asked(merge, models, facts, store))
        section = family.section("merge", fleet)
        found = _misfits(asked, section.get("allow_config", ()), section.get("vocabulary"))
        told = set()
        for misfit in found:
            if misfit.said not in told:
                yield Misfit(("families", number, *misfit.location), misfit.said)
                told.add(misfit.said)


def _misfits(
    family: Sequence[_Asked], allowed: Sequence[str], vocabulary: str | None
) -> Iterator[Misfit]:
    """Of one family. What it lacks leave for is one misfit, as one line mends it."""
    needed = set(allowed)
    fitting = []
    for asked in family:
        try:
            check_configs(_configs(asked), allowed)
        except DifferingConfigsError as error:
            if error.graver:
                yield asked.misfit(str(error), with_source=True)
                continue
            needed |= set(error.allow)
        except BadInputError as error:
            yield asked.misfit(str(error), with_source=True)
            continue
        fitting.append(asked)
        yield from _beyond_configs(asked, sorted(needed), extend=vocabulary == "extend")
    if lacking := needed.difference(allowed):
        yield Misfit(
            ("merge", "allow_config"),
            f"config.json of its models differ: {_differences(fitting, needed, lacking)}; between "
            "versions of one architecture this is harmless; write into the family: merge: "
            f"{{allow_config: [{', '.join(sorted(needed))}]}}",
        )


def _differences(
    asked_for: Sequence[_Asked], allowed: Collection[str], fields: Collection[str]
) -> str:
    """Of these fields, which models have what."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for asked in asked_for:
        for field, texts in check_configs(_configs(asked), allowed).items():
            for text in texts:
                value, _, role = text.rpartition(" in --")
                models, model = found[field][value], asked.models[role].name
                models += [] if model in models else [model]
    return "; ".join(
        f"{field} is "
        + ", ".join(f"{value} in {' and '.join(models)}" for value, models in values.items())
        for field, values in found.items()
        if field in fields
    )


def _configs(asked: _Asked) -> dict[str, Mapping[str, object]]:
    """The configs that are known, each model's once."""
    found: dict[str, Mapping[str, object]] = {}
    for role, model in asked.models.items():
        config = asked.facts[role].config
        if config is not None and model not in [asked.models[other] for other in found]:
            found[role] = config
    return found


def _beyond_configs(asked: _Asked, allowed: Sequence[str], *, extend: bool) -> Iterator[Misfit]:
    """With all that is at hand, or else by what configs say of the vocabulary."""
    artifacts = asked.artifacts()
    if len(artifacts) == len(asked.models):
        try:
            fit(
                artifacts,
                allow_config=allowed,
                extend=extend,
                will_train=asked.merge.will_train,
                read_values=False,
            )
        except BadInputError as error:
            yield asked.misfit(str(error), with_source=False)
        return
    sizes = {role: config.get("vocab_size") for role, config in _configs(asked).items()}
    if len({size for size in sizes.values() if type(size) is int}) > 1 and not extend:
        said = ", ".join(f"{size} in --{role}" for role, size in sizes.items())
        yield asked.misfit(f"vocab_size is {said}; {EXTEND}", with_source=True)
