"""Checkpoints are pickles in the store: nothing in them runs."""

import io
import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from deepspeed.runtime.fp16.loss_scaler import LossScaler
from deepspeed.runtime.zero.config import ZeroStageEnum
from deepspeed.utils.tensor_fragment import fragment_address

from jobs.artifacts.manifest import Work
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix
from jobs.train.checkpoints import TAG, Checkpoints
from tests.support.pico import commit

FILE = f"{TAG}/mp_rank_00_model_states.pt"


@dataclass
class State:
    step: int = 0


class Engine:
    """Reads as DeepSpeed's does."""

    def load_checkpoint(self, folder: str, tag: str) -> tuple[str, Any]:
        found = torch.load(Path(folder) / f"{tag}/mp_rank_00_model_states.pt", weights_only=False)
        return folder, found


class Hostile:
    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self._mark}",)


def checkpoints(root: Path) -> Checkpoints:
    work = Work(kind="model", producer="train 2", settings={}, inputs={})
    return Checkpoints(ArtifactWriter(Prefix(str(root / "out")), work, {}), 0, {"processes": 1})


def load(root: Path, data: bytes) -> State:
    checkpoint = commit(str(root / "checkpoint"), "checkpoint", {FILE: data})
    return checkpoints(root).load(Engine(), checkpoint, State)


def saved(value: Any) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def test_what_deepspeed_saves_is_read(tmp_path: Path) -> None:
    state = {
        "ours": {"step": 7},
        "optimizer": [torch.ones(3), LossScaler(1.0), ZeroStageEnum.weights],
        "places": fragment_address(numel=3, start=0),
    }
    assert load(tmp_path, saved(state)) == State(step=7)


@pytest.mark.parametrize("form", [saved, pickle.dumps])
def test_code_in_a_checkpoint_does_not_run(tmp_path: Path, form: Any) -> None:
    mark = tmp_path / "ran"
    with pytest.raises(
        BadInputError, match=r"is no checkpoint of train: it holds more than tensors.*; delete it"
    ):
        load(tmp_path, form({"ours": {"step": 1}, "x": Hostile(mark)}))
    assert not mark.exists()
    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD" not in os.environ


@pytest.mark.parametrize(
    "data",
    [
        b"", b"x", saved(5), saved({}), saved({"ours": 5}), saved({"ours": {"steps": 1}}),
        saved({"ours": {"step": "x"}}),
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_named(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BadInputError, match=f"{tmp_path}/checkpoint is no checkpoint of train"):
        load(tmp_path, data)


def test_a_checkpoint_of_other_processes_is_told_in_words(tmp_path: Path) -> None:
    work = Work(kind="model", producer="train 2", settings={}, inputs={})
    writer = ArtifactWriter(Prefix(str(tmp_path)), work, {})
    made_with, now = ({"processes": n, "zero_stage": 2} for n in (8, 1))
    (tmp_path / "files").mkdir()
    before = Checkpoints(writer, 0, made_with)
    before._commit(f"step-00000005{before._suffix}", tmp_path / "files", 5)
    with pytest.raises(BadInputError) as raised:
        Checkpoints(writer, 0, now)._newest()
    assert str(raised.value) == (
        f"{tmp_path}/checkpoints/step-00000005{before._suffix} was made with processes 8, "
        "zero_stage 2, and this is processes 1, zero_stage 2; give the same --processes and "
        f"--zero-stage, or delete {tmp_path}/checkpoints to begin again"
    )


def test_an_attempt_that_comes_second_leaves_nothing(tmp_path: Path) -> None:
    for saved_by in ("first", "second"):
        (tmp_path / saved_by / TAG).mkdir(parents=True)
        (tmp_path / saved_by / FILE).write_text(saved_by)
        checkpoints(tmp_path)._commit("step-1", tmp_path / saved_by, 1)
    step = tmp_path / "out/checkpoints/step-1"
    kept = Artifact.open(str(step))
    assert kept.read(FILE) == b"first"
    place = kept.manifest.attempt
    left = {path.relative_to(step).as_posix() for path in step.rglob("*")}
    assert left == {"manifest.json", f"{place}", f"{place}/{TAG}", f"{place}/{FILE}"}
