"""What is told of a fleet; a hub that answers what a test says; weights that take no room."""

import json
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from huggingface_hub import constants

from jobs.errors import BadInputsError
from pipelines.commands.parameters import WORKFLOW
from pipelines.commands.refreshing import intended
from pipelines.local.reading import read_workflow
from pipelines.local.workflow import WorkflowTemplate
from pipelines.plan.mirror import Mirror
from pipelines.plan.models import know_models
from pipelines.plan.plan import Plan, make_plan
from pipelines.plan.preflight import Models, Preflight, preflight
from tests.pipelines.conftest import WriteFleet, runnable
from tests.support.hub import Hub, serve_hub

LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096,
    "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "vocab_size": 128256, "tie_word_embeddings": False,
    "rms_norm_eps": 1e-5,
}  # fmt: skip
LLAMA_PARAMETERS = 8_030_261_248
"""Of Llama 3 8B, as published."""


@pytest.fixture
def hub(no_other_hub: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serve_hub() as (said, address):
        monkeypatch.setattr(constants, "ENDPOINT", address)
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE
        template = template.replace(template.split("/{", 1)[0], address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield said


WriteWeights = Callable[..., Path]


@pytest.fixture
def write_weights() -> WriteWeights:
    """A file of weights of which only the header takes room: its data is a hole."""

    def write(
        file: Path, shape: tuple[int, ...] = (3, 5), dtype: str = "BF16", cut: int = 0
    ) -> Path:
        length = {"BF16": 2, "F32": 4}[dtype]
        for size in shape:
            length *= size
        entry = {"dtype": dtype, "shape": list(shape), "data_offsets": [0, length]}
        text = json.dumps({"w": entry}).encode()
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as opened:
            opened.write(struct.pack("<Q", len(text)) + text)
            opened.truncate(8 + len(text) + length - cut)
        return file

    return write


Told = Callable[..., Preflight]


@pytest.fixture(scope="module")
def workflow() -> WorkflowTemplate:
    return read_workflow(*WORKFLOW)


@pytest.fixture
def write_sound(write_fleet: WriteFleet, folders_of_fleet: None) -> WriteFleet:
    """Writes a fleet with which nothing is wrong, but for what a test changes."""
    return runnable(write_fleet)


@pytest.fixture
def told(tmp_path: Path) -> Told:
    """What is told of a fleet file; most of it without a plan, which takes half a second."""

    def tell(
        path: Path, *given: str, period: str = "2026-10", store: str = "", run: str | None = None,
        plan: bool = False,
    ) -> Preflight:  # fmt: skip
        intent = intended(path, period, store or str(tmp_path / "s"), run, given)

        def make(models: Models, mirror: Mirror) -> Plan | None:
            known = intent.fleet, intent.workflow, intent.parameters
            return make_plan(*known, models=models, mirror=mirror) if plan else None

        return preflight(intent, make, print)

    return tell


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub of this machine is waited for, however busy the machine is."""
    asked = partial(know_models, max_hub_seconds=60)
    monkeypatch.setattr("pipelines.plan.preflight.know_models", asked)


def problems(found: Preflight) -> list[str]:
    try:
        found.refuse()
    except BadInputsError as error:
        return list(error.lines)
    return []
