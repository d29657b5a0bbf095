"""The train job: real DeepSpeed over two gloo processes."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer

from jobs.artifacts.manifest import MANIFEST, find_manifest
from jobs.artifacts.reading import Artifact
from jobs.kinds.model import read_tensors
from jobs.store.prefix import Prefix
from jobs.train.rows import Rows
from jobs.train.schedule import learning_rate
from tests.support.paths import attempt_in
from tests.support.pico import SENTENCE, commit_articles, commit_llama, run_job

FLAGS = [
    "--objective=cpt",
    "--epochs=12",
    "--batch-rows=4",
    "--micro-batch-rows=2",
    "--learning-rate=1e-2",
    "--processes=2",
    "--checkpoint-steps=5",
]

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


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("train")
    commit_articles(str(root / "articles"), [SENTENCE] * 60)
    commit_llama(str(root / "model"), root / "scratch")
    packed = run_job(
        "pack",
        f"--articles={root}/articles",
        f"--tokenizer={root}/model",
        f"--out={root}/rows",
        "--sequence-length=32",
        "--heldout-fraction=0.1",
    )
    assert packed.returncode == 0, packed.stderr
    return root


def flags(root: Path, out: str, *instead: str) -> list[str]:
    """Flags of a training, with those of `instead` in place of their namesakes."""
    given = [f"--model={root}/model", f"--rows={root}/rows", f"--out={out}", *FLAGS, *instead]
    return list({flag.partition("=")[0]: flag for flag in given}.values())


@pytest.fixture(scope="module")
def undisturbed(inputs: Path) -> Artifact:
    result = run_job("train", *flags(inputs, f"{inputs}/undisturbed"))
    assert result.returncode == 0, result.stderr
    return Artifact.open(f"{inputs}/undisturbed", "model")


def checkpoints(out: str) -> list[str]:
    """Names of the committed checkpoints."""
    paths = [path for path, _ in (Prefix(out) / "checkpoints").list()]
    return sorted(path.split("/")[0] for path in paths if path.endswith(MANIFEST))


def wait_for_checkpoint(out: str) -> None:
    deadline = time.monotonic() + 120
    while not checkpoints(out) and time.monotonic() < deadline:
        time.sleep(0.05)


@pytest.mark.slow
def test_it_learns_and_saves_what_transformers_loads(inputs: Path, undisturbed: Artifact) -> None:
    statistics = undisturbed.statistics
    rows = Artifact.open(f"{inputs}/rows").statistics["rows"]
    assert statistics["steps"] == -(-12 * rows // 4)
    assert [point["step"] for point in statistics["history"]] == list(range(statistics["steps"]))
    assert statistics["history"][-1]["loss"] < statistics["history"][0]["loss"] / 2
    assert statistics["device"].startswith("CPU (")
    assert statistics["software"].keys() >= {"python", "torch", "transformers", "deepspeed"}
    assert statistics["heldout_loss_after"] < statistics["heldout_loss_before"] / 2
    assert statistics["processes"] == 2
    before, after = (
        read_tensors(Artifact.open(f"{inputs}/{name}")) for name in ("model", "undisturbed")
    )
    assert {n: (t.dtype, t.shape) for n, t in before.items()} == {
        n: (t.dtype, t.shape) for n, t in after.items()
    }
    folder = attempt_in(inputs / "undisturbed")  # as it lies
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.num_parameters() == sum(tensor.elements for tensor in after.values())
    assert AutoTokenizer.from_pretrained(folder).eos_token == "</s>"


@pytest.mark.slow
def test_it_trains_as_a_plain_loop_does(inputs: Path, undisturbed: Artifact) -> None:
    """By transformers and torch alone: each document by itself, one process, all logits at once."""
    network = AutoModelForCausalLM.from_pretrained(inputs / "scratch", dtype=torch.float32)
    optimizer = torch.optim.AdamW(
        network.parameters(), betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1
    )
    rows = Rows(Artifact.open(f"{inputs}/rows"), "train", network.config.vocab_size)
    history = undisturbed.statistics["history"]
    stream = rows.stream(seed=0)
    for step, told in enumerate(history):
        rate = learning_rate(step, len(history), 1e-2, warmup_ratio=0.01, final_ratio=0.1)
        for group in optimizer.param_groups:
            group["lr"] = rate
        total, labelled = torch.zeros(()), 0
        for row in islice(stream, 4):
            for ids in torch.split(torch.tensor(row.ids).long(), row.lengths):
                logits = network(input_ids=ids[None]).logits[0, :-1]
                total = total + cross_entropy(logits, ids[1:], reduction="sum")
                labelled += len(ids) - 1
        loss = total / labelled
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        assert told["loss"] == pytest.approx(loss.item(), rel=1e-4), step
    made = load_file(attempt_in(inputs / "undisturbed") / "model.safetensors")
    for name, parameter in network.named_parameters():
        if name in made:
            torch.testing.assert_close(made[name].float(), parameter, rtol=2**-7, atol=1e-4)


@pytest.mark.slow
def test_killed_and_resumed_it_ends_with_the_same_weights(
    inputs: Path, undisturbed: Artifact
) -> None:
    out = f"{inputs}/killed"
    command = [sys.executable, "-m", "jobs.train", *flags(inputs, out)]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE)
    wait_for_checkpoint(out)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert find_manifest(Prefix(out)) is None
    resumed = run_job("train", *flags(inputs, out))
    assert resumed.returncode == 0, resumed.stderr
    artifact = Artifact.open(out)
    assert artifact.statistics["resumed_at_step"] >= 5
    assert artifact.digest == undisturbed.digest
    assert artifact.statistics["history"] == undisturbed.statistics["history"]


@pytest.mark.slow
def test_who_loses_to_another_writer_ends_with_0(
    inputs: Path, undisturbed: Artifact, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "jobs.train", *flags(inputs, str(out))]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as loser:
        wait_for_checkpoint(str(out))
        won = attempt_in(inputs / "undisturbed")
        shutil.copytree(won, out / won.name)
        shutil.copy(inputs / "undisturbed" / MANIFEST, out)
        _, said = loser.communicate(timeout=120)
    assert loser.returncode == 0, said
    assert "already-done" in said
    assert "Traceback" not in said
    assert Artifact.open(str(out)).digest == undisturbed.digest
    assert [path.name for path in out.glob("attempt-*")] == [won.name]


@pytest.mark.slow
def test_told_to_stop_it_saves_and_ends_with_143(inputs: Path, undisturbed: Artifact) -> None:
    out = f"{inputs}/stopped"
    command = [sys.executable, "-m", "jobs.train", *flags(inputs, out)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    wait_for_checkpoint(out)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 143, said
    assert find_manifest(Prefix(out)) is None
    (saved,) = checkpoints(out)
    assert int(saved.split("-")[1]) >= 5, "the older checkpoint is gone"
    # Fewer processes go on with the same losses.
    shutil.copytree(out, f"{inputs}/fewer")
    fewer = flags(inputs, f"{inputs}/fewer", "--processes=1")
    resumed = run_job("train", *fewer)
    assert resumed.returncode == 0, resumed.stderr
    statistics = Artifact.open(f"{inputs}/fewer").statistics
    assert statistics["resumed_at_step"] >= 5
    losses = [point["loss"] for point in statistics["history"]]
    expected = [point["loss"] for point in undisturbed.statistics["history"]]
    assert losses == pytest.approx(expected, rel=1e-4)
    # Other settings find no checkpoint of theirs, and leave this one alone.
    other = flags(inputs, out, "--seed=1", "--epochs=1")
    assert saved in checkpoints(out)
    assert run_job("train", *other).returncode == 0
    assert checkpoints(out) == [], "there is a result now"
    refused = run_job("train", *flags(inputs, out))
    assert refused.returncode == 64
    assert "setting epochs was 1, now 12; setting seed was 1, now 0" in refused.stderr


@pytest.mark.slow
def test_an_objective_that_the_rows_do_not_fit_is_refused(inputs: Path) -> None:
    instead = ("--objective=sft", "--processes=1", "--zero-stage=1")
    result = run_job("train", *flags(inputs, f"{inputs}/wrong", *instead))
    assert result.returncode == 64, result.stderr
    assert "which was packed from articles; cpt takes articles, sft conversations" in result.stderr


@pytest.fixture
def troubled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    (tmp_path / "sitecustomize.py").write_text(TROUBLE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    return monkeypatch


@pytest.mark.slow
def test_a_batch_at_which_the_loss_diverges_is_left_out_once(
    inputs: Path, undisturbed: Artifact, troubled: pytest.MonkeyPatch
) -> None:
    troubled.setenv("DIVERGE_AT", "7")
    out = f"{inputs}/gone-back"
    result = run_job("train", *flags(inputs, out, "--heldout-steps=4"))
    assert result.returncode == 0, result.stderr
    said = "the loss is nan at step 7; back to .*/step-00000005-.*, once, and without that batch"
    assert re.search(said, result.stderr)
    found, expected = Artifact.open(out).statistics, undisturbed.statistics
    assert (expected["skipped_batch"], found["skipped_batch"]) == (None, 7)
    steps = expected["steps"]
    assert [point["step"] for point in found["history"]] == list(range(steps))
    assert found["history"][:7] == expected["history"][:7]
    tokens = [[point["tokens"] for point in one["history"]] for one in (found, expected)]
    assert tokens[0][7:-1] == tokens[1][8:]
    assert [point["step"] for point in found["heldout"]] == list(range(4, steps, 4))
    assert found["heldout_loss_after"] < found["heldout"][0]["loss"]


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
    troubled.setenv("DIVERGE_AT", at)
    result = run_job("train", *flags(inputs, f"{inputs}/lost-{len(at)}"))
    assert result.returncode == 64, result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_rows_of_another_set_are_mixed_in(inputs: Path) -> None:
    """A row of --replay beside each of --rows: twice as many steps."""
    out = f"{inputs}/replayed"
    given = ("--epochs=1", "--processes=1", "--mask-first-tokens=3", f"--replay={inputs}/rows")
    result = run_job("train", *flags(inputs, out, "--replay-share=0.5", *given))
    assert result.returncode == 0, result.stderr
    found = Artifact.open(out)
    rows = Artifact.open(f"{inputs}/rows")
    assert found.statistics["steps"] == -(-2 * rows.statistics["rows"] // 4)
    assert found.manifest.inputs["replay"].digest == rows.digest
    assert found.statistics["history"][-1]["loss"] < found.statistics["history"][0]["loss"]
