"""Whether training and evaluation of a family fit a GPU's memory, by the least that they need.

Training as `pipelines.plan.memory` counts it; evaluation holds the weights, 2 bytes a parameter,
and 1 GiB. What is refused does not fit, and what passes may still not.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jobs.numbers import num_bytes
from jobs.pack.settings import PackSettings
from jobs.train.settings import TrainSettings
from pipelines.fleet.model import Family, Fleet
from pipelines.plan.intent import Finding, Known
from pipelines.plan.memory import WEIGHT, Training, training_of
from pipelines.plan.models import FleetModel, ModelFacts

EVALUATION_BYTES = 2**30


def check_room(known: Known) -> Iterator[Finding]:
    """Families that do not fit; of a model of unknown size it is said that nothing is known."""
    fleet = known.intent.fleet
    for model, facts in known.models.items():
        if facts.parameters is None:
            if not facts.problem and not facts.unanswered:
                at = known.intent.at(*model.location)
                why = "not known whether it fits a GPU: its number of parameters is unknown"
                yield Finding(at, f"{why}; give it as parameters: 8B", False)
        else:
            family = next(item for item in fleet.families if item.name == model.family)
            yield from _trained(known, family, model, facts)
            yield from _evaluated(known, model, facts.parameters)


def _trained(
    known: Known, family: Family, model: FleetModel, facts: ModelFacts
) -> Iterator[Finding]:
    fleet = known.intent.fleet
    if model.name != "base" or fleet.placement.train_gpus == 0:
        return
    training = _training_of(family, fleet, facts.parameters or 0, facts.config or {})
    memory, there = training.memory, fleet.placement.gpu_memory
    if memory.all > there:
        state = memory.weights + memory.gradients + memory.optimizer + memory.buffers
        rows = "more" if memory.activations is None else num_bytes(memory.all - state)
        yield Finding(
            known.intent.at(*model.location),
            f"training {family.name} needs at least {num_bytes(memory.all)} of each GPU's memory "
            f"({num_bytes(state)} for {training.parameters / 1e9:.3g} billion parameters at "
            f"train.zero_stage {training.zero_stage} on train.processes {training.processes}, "
            f"{rows} for train.micro_batch_rows {training.micro_batch_rows} of "
            f"{training.sequence_length} tokens), and it has {num_bytes(there)}; "
            f"{_way_out(training, there)}, or correct placement.gpu_memory",
        )


def _way_out(training: Training, there: int) -> str:
    """The settings with which it would fit, the fewest changes."""
    for smaller, settings in training.smaller():
        if smaller.memory.all <= there:
            told = (f"train.{name}: {json.dumps(value)}" for name, value in settings.items())
            return f"{' and '.join(told)} would do"
    return "take more GPUs (train.processes, placement.train_gpus) or larger ones"


def _evaluated(known: Known, model: FleetModel, parameters: int) -> Iterator[Finding]:
    placement = known.intent.fleet.placement
    needed = WEIGHT * parameters + EVALUATION_BYTES
    if placement.evaluate_gpus and needed > placement.gpu_memory:
        yield Finding(
            known.intent.at(*model.location),
            f"evaluating {model.label} needs at least {num_bytes(needed)} of one GPU's memory, "
            f"and it has {num_bytes(placement.gpu_memory)}; choose a smaller model or a larger "
            "GPU, and say its placement.gpu_memory",
        )


def _training_of(
    family: Family, fleet: Fleet, parameters: int, config: Mapping[str, Any]
) -> Training:
    """By the family's settings, with the jobs' defaults."""
    train = {**_defaults(TrainSettings), **family.section("train", fleet)}
    pack = {**_defaults(PackSettings), **family.section("pack", fleet)}
    return training_of(train, pack["sequence_length"], parameters, config)


def _defaults(settings: type[TrainSettings] | type[PackSettings]) -> dict[str, Any]:
    return {name: field.default for name, field in settings.model_fields.items()}
