"""Where the models come from: each is there, and none stands for two that should differ."""

from collections.abc import Iterator
from pathlib import Path

from jobs.words import listed, shown
from pipelines.fleet.model import Family, Fleet, Model
from pipelines.fleet.sections import FAMILY_SECTIONS
from pipelines.plan.intent import Finding, Intent, Known
from pipelines.plan.models import FleetModel, ModelFacts


def check_sources(known: Known) -> Iterator[Finding]:
    """Places that are not there or hold no model; what the hub says, or that it said nothing."""
    intent, unanswered = known.intent, dict[str, list[str]]()
    yield from _mirror(known)
    for model, facts in known.models.items():
        if why := _why_no_model(model, facts):
            hint = _meant_folder(model, intent)
            yield Finding(intent.at(*model.location, "from"), f"{why}{hint}")
        elif facts.unanswered and model.place is not None:
            yield Finding(
                intent.at(*model.location, "from"),
                f"what lies there is not known: {facts.unanswered}",
                is_problem=False,
            )
        elif facts.unanswered:
            why = facts.unanswered.replace(f" for {model.source}:", ":")
            unanswered.setdefault(why, []).append(model.source)
    for why, sources in unanswered.items():
        ids = listed(list(dict.fromkeys(sources)))
        yield Finding("", f"not known whether the hub has {ids}: {why}", False)


def _mirror(known: Known) -> Iterator[Finding]:
    """Of the suite's data sets."""
    intent, mirror = known.intent, known.mirror
    where = intent.flag("bundle-from") if "bundle-from" in intent.given else intent.at("eval_data")
    if mirror.problem:
        yield Finding(where, mirror.problem)
    elif mirror.unanswered:
        yield Finding(where, f"what lies there is not known: {mirror.unanswered}", is_problem=False)


def _why_no_model(model: FleetModel, facts: ModelFacts) -> str:
    if model.place is None:
        is_path = model.source.startswith(("/", "."))
        return f"there is no folder {model.source}" if is_path else facts.problem
    if model.revision is not None:
        return f"{model.source} is no id of the hub, and has no revision; leave it out"
    return facts.problem


def _meant_folder(model: FleetModel, intent: Intent) -> str:
    """The folder that was meant by what reads as an id of the hub."""
    if model.place is not None or model.source.startswith("/"):
        return ""
    beside = Path(intent.source.path).parent / model.source
    try:
        return f"; for the folder, write ./{model.source}" if beside.is_dir() else ""
    except (OSError, ValueError):
        return ""


def check_same(known: Known) -> Iterator[Finding]:
    """Pairs of models that are one: their difference is nothing, or is counted twice."""
    intent = known.intent
    for number, family in enumerate(intent.fleet.families):
        here = ("families", number)
        base, instruct = _identity(family.base), _identity(family.instruct)
        if base == instruct:
            yield Finding(
                intent.at(*here, "instruct", "from"),
                f"{shown(family.instruct.source)} is the base, too; give its instruct twin",
            )
        pairs = {(base, instruct): "the family's own pair"}
        for index, sibling in enumerate(family.siblings):
            at = intent.at(*here, "siblings", index, "instruct", "from")
            pair = _identity(sibling.base), _identity(sibling.instruct)
            if pair[0] == pair[1]:
                yield Finding(
                    at, f"{shown(sibling.instruct.source)} is the base, too; give its instruct twin"
                )
            elif pair in pairs:
                yield Finding(at, f"base and instruct are {pairs[pair]}; leave this sibling out")
            pairs.setdefault(pair, f"those of the sibling {sibling.name}")
        for index, derived in enumerate(family.derived):
            why = {
                instruct: "instruct model, which holds the residual already",
                base: "base, whose candidate would be the instruct model again",
            }.get(_identity(derived))
            if why:
                yield Finding(
                    intent.at(*here, "derived", index, "from"),
                    f"{shown(derived.source)} is the family's {why}; give a model derived from "
                    "the base, or leave it out",
                )
    yield from _equal_families(intent)


def _equal_families(intent: Intent) -> Iterator[Finding]:
    """Families whose models and settings are equal: whoever tries settings has different ones."""
    seen: dict[object, str] = {}
    for number, family in enumerate(intent.fleet.families):
        is_same = _all_of(family, intent.fleet)
        if is_same in seen:
            yield Finding(
                intent.at("families", number, "base", "from"),
                f"base, instruct and settings are those of the family {seen[is_same]}; "
                "leave one out, or give it settings of its own",
            )
        seen.setdefault(is_same, family.name)


def _all_of(family: Family, fleet: Fleet) -> object:
    settings = {job: family.section(job, fleet) for job in FAMILY_SECTIONS}
    return _identity(family.base), _identity(family.instruct), str(settings)


def _identity(model: Model) -> tuple[str, str | None]:
    """The hub takes ids in any case; a folder is where its links lead, a URI what it says."""
    if "://" in model.source:
        return model.source, None
    if Path(model.source).is_absolute():
        return str(Path(model.source).resolve()), None
    return model.source.lower(), model.revision
