"""What a loss that diverges leads to: real DeepSpeed over two gloo processes."""

import os
import re
from pathlib import Path

import pytest
import torch

from jobs.artifacts.reading import Artifact
from jobs.train.divergence import FEWEST_STEPS, divergence
from jobs.train.utilisation import Work
from tests.jobs.train.networks import network
from tests.jobs.train.test_train import flags, inputs
from tests.support.pico import run_job

__all__ = ["inputs"]  # the fixture

# In every process: at the steps that DIVERGE_AT names the weights are lost, as by a gradient that
# is no number; once each, or again whenever the step is taken.
TROUBLE = """
import os
if "RANK" in os.environ:
    import torch
    from jobs.train import steps
    train, spoilt = steps.Steps.train, set()

    def spoil(self, batch, rate):
        done = train(self, batch, rate)
        count = spoil.count = getattr(spoil, "count", -1) + 1
        if str(count) in os.environ["DIVERGE_AT"].split():
            with torch.no_grad():
                for one in self._engine.module.parameters():
                    one.fill_(float("nan"))
            return steps.Done(float("nan"), done.gradient_norm)
        return done

    steps.Steps.train = spoil
"""


@pytest.mark.parametrize(
    ("loss", "norm", "before", "said"),
    [
        (2.0, 1.0, [], ""),
        (float("nan"), 1.0, [], "the loss is nan"),
        (float("inf"), 1.0, [2.0], "the loss is inf"),
        (2.0, float("inf"), [2.0], "the norm of the gradient is inf"),
        (50.0, 1.0, [2.0] * (FEWEST_STEPS - 1), ""),
        (4.1, 1.0, [2.0] * FEWEST_STEPS, "the loss is 4.1, after 2 in the mean of the 10 steps"),
        (4.0, 1.0, [2.0] * FEWEST_STEPS, ""),
        (0.9, 1.0, [0.01] * FEWEST_STEPS, ""),
    ],
)
def test_a_loss_is_judged(loss: float, norm: float, before: list[float], said: str) -> None:
    found = divergence(loss, norm, before)
    assert found.startswith(said)
    assert bool(found) == bool(said)


@pytest.fixture
def troubled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    (tmp_path / "sitecustomize.py").write_text(TROUBLE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    return monkeypatch


def train(
    inputs: Path, troubled: pytest.MonkeyPatch, out: str, *, at: str, code: int
) -> tuple[str, str]:
    """The result's URI, and what was said."""
    troubled.setenv("DIVERGE_AT", at)
    given = flags(inputs, f"{inputs}/{out}", "--epochs=3", "--heldout-steps=4")
    result = run_job("train", *given)
    assert result.returncode == code, result.stderr
    return f"{inputs}/{out}", result.stderr


@pytest.mark.slow
def test_a_batch_at_which_the_loss_diverges_is_left_out_once(
    inputs: Path, troubled: pytest.MonkeyPatch
) -> None:
    even, said = train(inputs, troubled, "even", at="", code=0)
    gone_back, said = train(inputs, troubled, "back", at="7", code=0)
    assert re.search("the loss is nan at step 7; back to .*/step-00000005-.*, once", said)
    steady, skipped = (Artifact.open(uri).statistics for uri in (even, gone_back))
    assert (steady["skipped_batch"], skipped["skipped_batch"]) == (None, 7)
    assert [point["step"] for point in skipped["history"]] == list(range(steady["steps"]))
    assert skipped["history"][:7] == steady["history"][:7]
    tokens = [[point["tokens"] for point in one["history"]] for one in (steady, skipped)]
    assert tokens[1][7:-1] == tokens[0][8:]
    assert all(point["loss"] < 20 for point in skipped["history"])
    assert [point["step"] for point in skipped["heldout"]] == list(range(4, steady["steps"], 4))
    assert skipped["heldout"][0] == steady["heldout"][0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("7 10", "the loss is nan at step 7, though batch 7 was skipped; lower --learning-rate"),
        ("2", "the loss is nan at step 2; lower --learning-rate"),
    ],
)
def test_it_is_an_error_again_and_without_a_checkpoint(
    inputs: Path, troubled: pytest.MonkeyPatch, at: str, said: str
) -> None:
    _, told = train(inputs, troubled, f"lost-{len(at)}", at=at, code=64)
    assert said in told
    assert "Traceback" not in told


def test_floating_point_operations_are_counted() -> None:
    """By hand: 4 heads of 8 elements in 2 layers; 6 FLOPs a weight and token."""
    net = network("llama")
    weights = sum(one.numel() for one in net.parameters())
    assert Work.of(net) == Work(weights, 2 * 32)
    assert Work.of(net).flops(10, 5**2 + 5**2) == 6 * weights * 10 + 6 * 64 * 50
    assert Work.of(network("gpt2")).attention == 2 * 32
    with torch.device("meta"):
        assert Work.of(network("latent")).attention > 0
