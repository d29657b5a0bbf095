"""Weights keep their own types through a training that computes in bfloat16, as on a GPU."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.jobs.train.masters import CASES, RATE, SEEN
from tests.jobs.train.networks import network
from tests.support.pico import commit, write_llama

EMBEDDING = "model.embed_tokens.weight"
PROJECTION = "model.layers.0.self_attn.q_proj.weight"
CONSTANT = "model.layers.0.self_attn.rotary_emb.inv_freq"
PROCESSES = 2


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose tensors are of three types, with zeros of both signs and smallest numbers."""
    folder = write_llama(tmp_path_factory.mktemp("model") / "source")
    tensors = load_file(folder / "model.safetensors")
    generator = torch.Generator().manual_seed(1)
    for name, dtype in ((EMBEDDING, torch.float32), (PROJECTION, torch.float16)):
        found = torch.randn(tensors[name].shape, generator=generator) / 50
        tensors[name] = found.to(dtype)
    for name in (EMBEDDING, PROJECTION, "model.layers.1.mlp.up_proj.weight"):
        least = torch.finfo(tensors[name].dtype).smallest_normal
        tensors[name][:, 0], tensors[name][:, 1] = -0.0, 0.0
        tensors[name][:, 2], tensors[name][:, 3] = least, -least
    tensors[EMBEDDING][:, 4] = 1 + 2**-23
    tensors[PROJECTION][:, 4], tensors[PROJECTION][:, 5] = 1 + 2**-10, 2**-24
    tensors[CONSTANT] = torch.rand(4, generator=generator)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


def train(source: Path, out: Path, *cases: str) -> None:
    """Both processes write into `out`."""
    model = commit(f"{out}/model", "model", {f.name: f.read_bytes() for f in source.iterdir()})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        "WORLD_SIZE": str(PROCESSES), "CUDA_VISIBLE_DEVICES": "",
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.jobs.train.masters", model.uri, str(out), *cases]
    processes = [
        subprocess.Popen(command, env={**environment, "RANK": rank, "LOCAL_RANK": rank},
                         stderr=subprocess.PIPE, text=True)
        for rank in map(str, range(PROCESSES))
    ]  # fmt: skip
    said = [process.communicate(timeout=240)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(said)


@pytest.fixture(scope="module")
def trained(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which both processes have written."""
    out = tmp_path_factory.mktemp("trained")
    train(source, out, *CASES)
    return out


def bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.view({2: torch.int16, 4: torch.int32}[tensor.element_size()])


def check_equal(before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor]) -> None:
    assert after.keys() == before.keys()
    for name, tensor in before.items():
        assert after[name].dtype == tensor.dtype
        assert torch.equal(bits(after[name]), bits(tensor)), name


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_at_rate_0_every_bit_comes_out_as_it_came(source: Path, trained: Path, case: str) -> None:
    before = load_file(source / "model.safetensors")
    after = load_file(trained / f"{case}-still.safetensors")
    check_equal(before, after)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_step_moves_weights_by_its_rate_and_no_others(
    source: Path, trained: Path, case: str
) -> None:
    """AdamW's step is at most its rate, where gradients are the same step by step."""
    before = load_file(source / "model.safetensors")
    after = load_file(trained / f"{case}-moved.safetensors")
    unseen = [row for row in range(len(before[EMBEDDING])) if row not in SEEN]
    assert torch.equal(bits(after[EMBEDDING][unseen]), bits(before[EMBEDDING][unseen]))
    assert torch.equal(bits(after[CONSTANT]), bits(before[CONSTANT]))
    for name in before.keys() - {CONSTANT}:
        moved = after[name].double() - before[name].double()
        rounding = torch.finfo(before[name].dtype).eps / 2 * after[name].double().abs()
        assert (moved.abs() <= RATE * 1.001 + rounding).all(), name
    moved = (after[EMBEDDING][SEEN, 5:] - before[EMBEDDING][SEEN, 5:]).abs()
    assert moved.median() > RATE * 0.9


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_checkpoint_holds_what_bfloat16_does_not(trained: Path, case: str) -> None:
    moved, resumed = (
        load_file(trained / f"{case}-{when}.safetensors") for when in ("moved", "resumed")
    )
    assert all(torch.equal(bits(resumed[name]), bits(moved[name])) for name in moved)


@pytest.mark.slow
@pytest.mark.parametrize(("case", "before"), [(one, before) for before, one in pairwise(CASES)])
def test_a_checkpoint_of_one_stage_is_read_by_another(
    trained: Path, case: str, before: str
) -> None:
    crossed = load_file(trained / f"{case}-crossed.safetensors")
    moved = load_file(trained / f"{before}-moved.safetensors")
    assert all(torch.equal(bits(crossed[name]), bits(moved[name])) for name in moved)


@pytest.mark.slow
def test_what_is_computed_again_is_the_same(trained: Path) -> None:
    recomputed, kept = (
        load_file(trained / f"{case}-moved.safetensors") for case in ("recomputed", "stage-3")
    )
    check_equal(kept, recomputed)


@pytest.mark.slow
def test_experts_are_saved_as_the_files_hold_them(tmp_path: Path) -> None:
    """transformers renames them and puts those of a layer together; one is of another type."""
    folder = tmp_path / "source"
    network("experts").save_pretrained(folder)
    before = load_file(folder / "model.safetensors")
    experts = "model.layers.0.block_sparse_moe.experts"
    before = {name: one.to(torch.bfloat16) for name, one in before.items()}
    for name, dtype in (
        (f"{experts}.1.w1.weight", torch.float32),
        (f"{experts}.3.w2.weight", torch.float16),
    ):
        before[name] = (torch.rand(before[name].shape) - 0.5).to(dtype)
        before[name][:, 0] = -0.0
    save_file(before, folder / "model.safetensors", {"format": "pt"})
    train(folder, tmp_path, "stage-3")
    check_equal(before, load_file(tmp_path / "stage-3-still.safetensors"))
    moved = load_file(tmp_path / "stage-3-moved.safetensors")
    assert any(
        (moved[f"{experts}.{n}.w1.weight"] != before[f"{experts}.{n}.w1.weight"]).any()
        for n in range(4)
    )
