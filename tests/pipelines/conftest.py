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


@pytest.fixture(autouse=True)
def no_other_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hub is asked by chance."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
