"""One of the processes in which test_weights trains: as on a GPU in bfloat16, but on the CPU.

Arguments: the model's URI, a folder to write into, and some of `CASES`. For each, safetensors of
what would be saved: ``still`` after two steps at rate 0, ``moved`` after one more at `RATE`,
``resumed`` from a checkpoint of that, ``crossed`` from the one of the case before.
"""

import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import distributed

from jobs.artifacts.manifest import Work
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.kinds.model import read_tensors
from jobs.kinds.rows import Row
from jobs.store.prefix import Prefix
from jobs.train import engine as engines
from jobs.train.batches import collate
from jobs.train.checkpoints import Checkpoints, State
from jobs.train.pieces import Share
from jobs.train.settings import TrainSettings
from jobs.train.shares import Copied

RATE = 2.0**-12
SEEN = (3, 4, 5, 6)
"""The tokens that are trained on; the embeddings of no others have a gradient."""
CASES: dict[str, tuple[dict[str, Any], torch.dtype]] = {
    **{f"stage-{stage}": ({"zero_stage": stage}, torch.bfloat16) for stage in (1, 2, 3)},
    "recomputed": ({"zero_stage": 3, "activation_checkpointing": True}, torch.bfloat16),
    "float32": ({"zero_stage": 2}, torch.float32),
}


def compute_in(dtype: torch.dtype) -> None:
    def computing_type(device: torch.device) -> torch.dtype:
        return dtype

    engines.computing_type = computing_type


def step(engine: Any, rate: float) -> None:
    engines.set_learning_rate(engine, rate)
    row = collate([Row.of([*SEEN], [len(SEEN)])], len(SEEN))
    engine.backward(engine(**row.to(torch.device("cpu"))))
    engine.step()


def main(model: Artifact, out: Path, cases: list[str]) -> None:
    rank, processes, device = engines.start_processes()
    tensors = read_tensors(model)

    def save(what: str, engine: Any, weights: Any) -> None:
        if kept := weights.collect(engine):
            save_file(kept, out / f"{what}.safetensors")
        assert bool(kept) == (rank == 0)

    def build(settings: TrainSettings) -> Any:
        return engines.build(model, tensors, settings, processes, device)

    others: Artifact | None = None
    for case in cases:
        told, computing = CASES[case]
        compute_in(computing)
        settings = TrainSettings(
            model=model.uri, rows="unused", out="unused", objective="cpt", batch_rows=processes,
            processes=processes, weight_decay=0, **told,
        )  # fmt: skip
        engine, weights = build(settings)
        assert {one.dtype for one in engine.module.parameters()} == {computing}
        step(engine, 0)
        step(engine, 0)
        save(f"{case}-still", engine, weights)
        step(engine, RATE)
        save(f"{case}-moved", engine, weights)
        work = Work(kind="model", producer="train 0", settings={"case": case}, inputs={})
        saved = Checkpoints(ArtifactWriter(Prefix(str(out)), work, {}), rank, kept=1)
        saved.save(engine, State(step=3))
        saved.finish()
        before = Copied.of(Share(engine)).tensors
        engine, weights = build(settings)
        checkpoint = saved.newest()
        assert checkpoint
        assert saved.load(engine, checkpoint) == State(step=3)
        after = Copied.of(Share(engine)).tensors
        assert after.keys() == before.keys()
        assert all(torch.equal(after[name], before[name]) for name in before)
        save(f"{case}-resumed", engine, weights)
        saved.load(engine, others or checkpoint)  # of another stage
        save(f"{case}-crossed", engine, weights)
        others = checkpoint
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(Artifact.open(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
