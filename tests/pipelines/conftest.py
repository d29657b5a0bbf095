from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import constants

FLEET = """\
name: small
suite: demo
eval_data: ./eval-data

crawl:
  publishers: [us, uk]
  check_training_opt_out: false

pack:
  sequence_length: 256
  token_budget: 1.5M

train:
  epochs: 2
  learning_rate: 3e-4

families:
  - name: pico
    base: {from: ./family/base}
    instruct: {from: owner/pico-1B-instruct, revision: abc}
    derived:
      - {name: chatty, from: owner/chatty}
    siblings:
      - name: older
        base: {from: owner/older}
        instruct: {from: owner/older-instruct}
    train:
      epochs: 3
  - name: nano
    base: {from: owner/nano-8B}
    instruct: {from: owner/nano-8B-instruct}
    release: nano-chat
    pack:
      token_budget: null
"""

WriteFleet = Callable[..., Path]


@pytest.fixture
def write_fleet(tmp_path: Path) -> WriteFleet:
    """Writes the fleet above, with `old` replaced by `new`."""

    def write(old: str = "", new: str = "") -> Path:
        assert old in FLEET
        path = tmp_path / "fleet.yaml"
        path.write_text(FLEET.replace(old, new, 1) if old else FLEET)
        return path

    return write


def runnable(write: WriteFleet) -> WriteFleet:
    """Writes the same fleet for GPUs that it fits, if it names none."""

    def write_runnable(old: str = "", new: str = "") -> Path:
        path = write(old, new)
        text = path.read_text()
        if "placement" not in text:
            path.write_text(f"{text}placement: {{gpu_memory: 150G}}\n")
        return path

    return write_runnable


HEADER = b'{"w":{"dtype":"BF16","shape":[3,5],"data_offsets":[0,30]}}'


@pytest.fixture
def folders_of_fleet(tmp_path: Path) -> None:
    """What the fleet above names on this machine: a model of 15 parameters, and data."""
    (tmp_path / "eval-data").mkdir()
    folder = tmp_path / "family/base"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(
        len(HEADER).to_bytes(8, "little") + HEADER + bytes(30)
    )


@pytest.fixture(autouse=True)
def no_other_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hub is asked by chance."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
