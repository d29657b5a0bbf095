"""Whether the models of a fleet can be merged, as far as it is known before a run.

Decided by the function that decides in merge (`jobs.fit`). Of models that lie in the store, in
folders or in buckets it is asked as merge will ask it, without the tensors' values; of models on
the hub only their configs are known here. What cannot be known yet, the run's step ``check`` finds.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError, TransientError
from jobs.fit.configuration import DifferingConfigsError, check_configs
from jobs.fit.fitting import fit
from jobs.fit.meaning import ReadVocabulary
from jobs.fit.shapes import EXTEND
from jobs.kinds.vocabulary import read_vocabulary
from jobs.store.failures import OF_A_PERSON
from jobs.store.prefix import Prefix
from pipelines.fleet.merges import Merge, merges
from pipelines.fleet.model import Fleet
from pipelines.plan.folders import model_at
from pipelines.plan.intent import Finding, Known
from pipelines.plan.models import FleetModel, ModelFacts

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Misfit:
    """Why a merge would be refused: where in the fleet file, and what is wrong with the fix."""

    location: Location
    said: str


@dataclass(frozen=True)
class _Model:
    """One model, and what is known of it."""

    of_fleet: FleetModel
    facts: ModelFacts
    store: str

    @property
    def name(self) -> str:
        return self.of_fleet.name

    @cached_property
    def artifact(self) -> Artifact | None:
        """The whole model, where it is at hand."""
        if self.facts.problem:
            return None
        if self.facts.manifest is not None:
            return Artifact(Prefix(self.of_fleet.uri(self.store)), self.facts.manifest)
        place = None if self.facts.unanswered else self.of_fleet.place
        return None if place is None else model_at(Prefix(place, OF_A_PERSON))


@dataclass(frozen=True)
class _Asked:
    """One merge, and its models by role."""

    merge: Merge
    models: Mapping[str, _Model]

    @property
    def configs(self) -> dict[str, Mapping[str, object]]:
        """By role, as far as they are known, each model's once."""
        role_of: dict[str, str] = {}
        for role, model in self.models.items():
            role_of.setdefault(model.name, role)
        known = {role: self.models[role].facts.config for role in role_of.values()}
        return {role: config for role, config in known.items() if config is not None}

    def misfit(self, said: str, *, with_source: bool) -> Misfit:
        """With a message of `jobs.fit` in a fleet file's words: models by name, no flags."""

        def name(flag: re.Match[str]) -> str:
            model = self.models[flag[1]]
            return f"{model.name} {model.of_fleet.source}" if with_source else model.name

        said = re.sub(r" in the fleet file \(--[^)]*\)", "", said)
        said = re.sub(r"--(base|instruct|onto)\b", name, said)
        said = said.replace("--allow-config", "allow_config").replace("--vocabulary", "vocabulary:")
        return Misfit(self.merge.location, said)


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
    for number, family in enumerate(fleet.families):
        models = {
            model.name: _Model(model, facts, store)
            for model, facts in known.items()
            if model.family == family.name
        }
        asked = [
            _Asked(merge, {role: models[name] for role, name in merge.models.items()})
            for merge in merges(family)
        ]
        section = family.section("merge", fleet)
        allowed, extend = section.get("allow_config", ()), section.get("vocabulary") == "extend"
        for misfit in dict.fromkeys(_misfits(asked, allowed, extend=extend)):
            yield Misfit(("families", number, *misfit.location), misfit.said)


def _misfits(family: Sequence[_Asked], allowed: Sequence[str], *, extend: bool) -> Iterator[Misfit]:
    """Of one family. What it lacks leave for is one misfit, as one line mends it."""
    needed, misspelt = set(allowed), dict[str, str]()
    fitting = []
    read = cache(read_vocabulary)
    for asked in family:
        try:
            check_configs(asked.configs, allowed)
        except DifferingConfigsError as error:
            if error.graver:
                yield asked.misfit(str(error), with_source=True)
                continue
            needed |= set(error.allow)
            misspelt |= error.misspelt
        except BadInputError as error:
            yield asked.misfit(str(error), with_source=True)
            continue
        fitting.append(asked)
        yield from _beyond_configs(asked, sorted(needed), read, extend=extend)
    if lacking := needed.difference(allowed):
        told = "; ".join([*_differences(fitting, needed, lacking), *misspelt.values()])
        yield Misfit(
            ("merge", "allow_config"),
            f"config.json of its models differ: {told}; between versions of one architecture this "
            "is harmless; write into the family: merge: "
            f"{{allow_config: [{', '.join(sorted(needed - misspelt.keys()))}]}}",
        )


def _differences(
    asked_for: Sequence[_Asked], allowed: Collection[str], fields: Collection[str]
) -> list[str]:
    """Of these fields, which models have what; a phrase each."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for asked in asked_for:
        for field, texts in check_configs(asked.configs, allowed).items():
            for text in texts:
                value, _, role = text.rpartition(" in --")
                models, name = found[field][value], asked.models[role].name
                models += [] if name in models else [name]
    return [
        f"{field} is "
        + ", ".join(f"{value} in {' and '.join(models)}" for value, models in values.items())
        for field, values in found.items()
        if field in fields
    ]


def _beyond_configs(
    asked: _Asked, allowed: Sequence[str], read: ReadVocabulary, *, extend: bool
) -> Iterator[Misfit]:
    """With all that is at hand, or else by what configs say of the vocabulary."""
    at_hand = {role: model.artifact for role, model in asked.models.items()}
    artifacts = {role: artifact for role, artifact in at_hand.items() if artifact is not None}
    if len(artifacts) == len(at_hand):
        try:
            fit(
                artifacts,
                allow_config=allowed,
                extend=extend,
                will_train=asked.merge.will_train,
                read_values=False,
                read=read,
            )
        except BadInputError as error:
            yield asked.misfit(str(error), with_source=False)
        return
    sizes = {role: config.get("vocab_size") for role, config in asked.configs.items()}
    if len({size for size in sizes.values() if type(size) is int}) > 1 and not extend:
        said = ", ".join(f"{size} in --{role}" for role, size in sizes.items())
        yield asked.misfit(f"vocab_size is {said}; {EXTEND}", with_source=True)
