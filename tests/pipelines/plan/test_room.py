"""What a training and a scoring need of a GPU's memory."""

import re

import pytest

from pipelines.local.workflow import WorkflowTemplate
from pipelines.plan.room import Training
from tests.pipelines.conftest import WriteFleet
from tests.pipelines.plan.conftest import LLAMA, LLAMA_PARAMETERS, Told, problems
from tests.support.hub import Hub

LLAMA_TRAINING = Training(LLAMA_PARAMETERS, 8, 2, 1, 4096, 4096, 32)


@pytest.mark.parametrize(
    ("training", "state", "rows"),
    [
        # By hand: 2N + (4 + 12)N/8; 4096·34·4096·32.
        (LLAMA_TRAINING, 32_121_044_992, 18_253_611_008),
        (Training(10**9, 1, 1, 1, 8), 18e9, 0),
        (Training(10**9, 4, 1, 1, 8), 9e9, 0),
        (Training(10**9, 4, 2, 1, 8), 6e9, 0),
        (Training(10**9, 4, 3, 1, 8), 4.5e9, 0),
        (Training(1, 1, 3, 2, 8, 10, 3), 18, 2 * 8 * 34 * 10 * 3),
    ],
)
def test_memory_of_a_training(training: Training, state: float, rows: int) -> None:
    assert (training.state_bytes, training.row_bytes) == (state, rows)


@pytest.mark.parametrize(
    ("memory", "train", "says"),
    [
        ("150G", "", []),
        ("80GiB", "", ["on train.processes 1, more for train.micro_batch_rows 1 of 256 tokens)"]),
        ("80GiB", "{processes: 8}", []),
        ("24GiB", "{processes: 8}", ["training nano needs at least 32 GB"]),
        ("24GiB", "{processes: 8, zero_stage: 3}", []),
        ("15G", "{processes: 8, zero_stage: 3}", [
            "training nano needs at least 18 GB",
            "evaluating nano/base needs at least 17.1 GB of one GPU's memory, and it has 15 GB",
            "evaluating nano/instruct needs at least 17.1 GB"]),
        ("15G", "{processes: 64, zero_stage: 3}", ["evaluating nano/base", "nano/instruct"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_a_gpu(
    write_sound: WriteFleet, told: Told, memory: str, train: str, says: list[str]
) -> None:
    train = f"\n    train: {train}" if train else ""
    path = write_sound("release: nano-chat", f"release: nano-chat{train}")
    path.write_text(re.sub(r"gpu_memory: \w+", f"gpu_memory: {memory}", path.read_text()))
    found = problems(told(path))
    assert len(found) == len(says), found
    assert all(part in line for part, line in zip(says, found, strict=True)), found


@pytest.mark.usefixtures("patient")
def test_a_config_counts_the_rows(
    write_sound: WriteFleet, told: Told, hub: Hub, workflow: WorkflowTemplate
) -> None:
    for name in ("owner/nano-8B", "owner/nano-8B-instruct"):
        hub.holds(name, LLAMA_PARAMETERS, {"model.safetensors": 16 * 10**9}, **LLAMA)
    path = write_sound("sequence_length: 256", "sequence_length: 32768")
    text = path.read_text().replace("release: nano-chat", "release: n\n    train: {processes: 8}")
    path.write_text(text)
    nano = [line for line in problems(told(path)) if "nano" in line]
    assert len(nano) == 1
    assert "needs at least 178 GB of each GPU's memory (32.1 GB for 8.03 billion" in nano[0]
    assert "146 GB for train.micro_batch_rows 1 of 32768 tokens), and it has 150 GB" in nano[0]
