"""What is told of a fleet; a hub that answers what a test says; weights that take no room."""

import contextlib
import http.server
import json
import struct
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from jobs.errors import BadInputsError
from pipelines.commands.parameters import WORKFLOW
from pipelines.commands.refreshing import intended
from pipelines.local.workflow import WorkflowTemplate, read_workflow
from pipelines.plan.models import know_models
from pipelines.plan.plan import Plan, make_plan
from pipelines.plan.preflight import Models, Preflight, preflight
from tests.pipelines.conftest import WriteFleet, runnable

LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096,
    "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "vocab_size": 128256, "tie_word_embeddings": False,
}  # fmt: skip
LLAMA_PARAMETERS = 8_030_261_248
"""Of Llama 3 8B, as published."""


class Hub:
    """What is answered by path; how often each was asked; seconds before any answer."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []
        self.wait_seconds = 0.0

    def holds(
        self, name: str, parameters: int | None, sizes: dict[str, int], **config: Any
    ) -> None:
        """A model with these files of weights and this config."""
        files = [{"rfilename": file, "size": size} for file, size in sizes.items()]
        if config:
            files.append({"rfilename": "config.json", "size": 100})
            self.answers[f"/{name}/resolve/0abc/config.json"] = (200, json.dumps(config).encode())
        info: dict[str, Any] = {"id": name, "sha": "0abc", "siblings": files}
        if parameters:
            info["safetensors"] = {"parameters": {"BF16": parameters}, "total": parameters}
        self.answers[f"/api/models/{name}"] = (200, json.dumps(info).encode())


@pytest.fixture
def hub(no_other_hub: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    said = Hub()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said.asked.append(self.path)
            time.sleep(said.wait_seconds)
            with contextlib.suppress(ConnectionError):  # nobody waits any more
                self._answer()

        def _answer(self) -> None:
            status, body = said.answers.get(self.path.partition("?")[0], (404, b""))
            self.send_response(status)
            if status == 404:
                self.send_header("X-Error-Code", "RepoNotFound")
            elif status == 403:
                self.send_header("X-Error-Code", "GatedRepo")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE
    template = template.replace(template.split("/{", 1)[0], address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield said
    server.shutdown()
    thread.join()
    server.server_close()


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
    return read_workflow(WORKFLOW)


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

        def make(models: Models) -> Plan | None:
            known = intent.fleet, intent.workflow, intent.parameters
            return make_plan(*known, models=models) if plan else None

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
