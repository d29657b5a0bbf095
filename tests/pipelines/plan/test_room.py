"""What a training and a scoring need of a GPU's memory."""

import re

import pytest

from pipelines.local.workflow import WorkflowTemplate
from tests.pipelines.conftest import WriteFleet
from tests.pipelines.plan.conftest import LLAMA, LLAMA_PARAMETERS, Told, problems
from tests.support.hub import Hub


@pytest.mark.parametrize(
    ("memory", "train", "says"),
    [
        ("150G", "", []),
        ("80GiB", "", ["on train.processes 1, more for train.micro_batch_rows 1 of 256 tokens)"]),
        ("80GiB", "{processes: 8}", []),
        ("24GiB", "{processes: 8}", ["training nano needs at least 32.4 GB of each GPU's memory"]),
        ("24GiB", "{processes: 8, zero_stage: 3}", []),
        ("15G", "{processes: 8, zero_stage: 3}", [
            "training nano needs at least 18.4 GB",
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
    assert "needs at least 247 GB of each GPU's memory (32.5 GB for 8.03 billion" in nano[0]
    assert "214 GB for train.micro_batch_rows 1 of 32768 tokens), and it has 150 GB" in nano[0]
    assert nano[0].endswith(
        "; train.activation_checkpointing: true would do, or correct placement.gpu_memory"
    )
