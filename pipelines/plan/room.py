"""Whether training and evaluation of a family fit a GPU's memory, by the least that they need.

Training with Adam in mixed precision keeps 2 bytes of weight, 4 of gradient, which is summed in
float32, and 12 of optimizer state (master weight, two moments) a parameter; ZeRO shares the last,
the last two, or all three out over the GPUs (Rajbhandari et al., arXiv 1910.02054, section 3.1).
Each layer keeps 34·s·b·h bytes for the way back (Korthikanti et al., arXiv 2205.05198, equation 2,
less its attention matrices, which are not written), and the loss a few logits at a time, which do
not count here. s tokens a row, b rows at a time, h wide. Evaluation holds the weights, 2 bytes a
parameter, and 1 GiB.

In truth more is needed: buffers, fragments, and what libraries keep. So what is refused does not
fit, and what passes may still not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jobs.numbers import num_bytes
from jobs.pack.settings import PackSettings
from jobs.train.settings import TrainSettings
from pipelines.fleet.model import Family, Fleet
from pipelines.plan.intent import Finding, Known
from pipelines.plan.models import FleetModel, ModelFacts

WEIGHT, GRADIENT, OPTIMIZER = 2, 4, 12
"""Bytes a parameter."""
LAYER_BYTES = 34
EVALUATION_BYTES = 2**30


@dataclass(frozen=True)
class Training:
    """What says how much memory one GPU needs."""

    parameters: int
    processes: int
    zero_stage: int
    micro_batch_rows: int
    sequence_length: int
    hidden_size: int = 0
    layers: int = 0
    """These two are 0 where no config tells them."""

    @property
    def state_bytes(self) -> float:
        """Weights, gradients and optimizer state on each GPU.

        >>> Training(7_500_000_000, 64, 1, 1, 1024).state_bytes / 1e9
        46.40625
        """
        shared = [OPTIMIZER, GRADIENT, WEIGHT][: self.zero_stage]
        whole = [OPTIMIZER, GRADIENT, WEIGHT][self.zero_stage :]
        return self.parameters * (sum(whole) + sum(shared) / self.processes)

    @property
    def row_bytes(self) -> int:
        """What is kept of the rows that go through at a time."""
        tokens = self.sequence_length * self.micro_batch_rows
        return tokens * LAYER_BYTES * self.hidden_size * self.layers


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
    training = training_of(family, fleet, facts.parameters or 0, facts.config or {})
    needed = training.state_bytes + training.row_bytes
    rows = num_bytes(training.row_bytes) if training.row_bytes else "more"
    if needed > fleet.placement.gpu_memory:
        yield Finding(
            known.intent.at(*model.location),
            f"training {family.name} needs at least {num_bytes(needed)} of each GPU's memory "
            f"({num_bytes(training.state_bytes)} for {training.parameters / 1e9:.3g} billion "
            f"parameters at train.zero_stage {training.zero_stage} on train.processes "
            f"{training.processes}, {rows} for train.micro_batch_rows {training.micro_batch_rows} "
            f"of {training.sequence_length} tokens), and it has "
            f"{num_bytes(fleet.placement.gpu_memory)}; "
            "raise the stage or the processes, or correct placement.gpu_memory",
        )


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


def training_of(
    family: Family, fleet: Fleet, parameters: int, config: Mapping[str, Any]
) -> Training:
    """The family's settings, with the jobs' defaults; a config's odd values count as 0."""
    train = {**_defaults(TrainSettings), **family.section("train", fleet)}
    pack = {**_defaults(PackSettings), **family.section("pack", fleet)}
    sizes = (config.get(name) for name in ("hidden_size", "num_hidden_layers"))
    hidden, layers = (size if isinstance(size, int) and 0 < size < 2**31 else 0 for size in sizes)
    return Training(
        parameters=parameters,
        processes=train["processes"],
        zero_stage=train["zero_stage"],
        micro_batch_rows=train["micro_batch_rows"],
        sequence_length=pack["sequence_length"],
        hidden_size=hidden,
        layers=layers,
    )


def _defaults(settings: type[TrainSettings] | type[PackSettings]) -> dict[str, Any]:
    return {name: field.default for name, field in settings.model_fields.items()}
