"""The merge job, from the store to the store."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from jobs.artifact import Artifact
from jobs.errors import BadInputError
from jobs.model import read_tensors
from tests.pico import commit_llama, commit_tensors, run_job


def merge(store: str, *flags: str, out: str = "out") -> "tuple[int, str]":
    uris = [f"--{role}={store}/{role}" for role in ("base", "instruct", "onto")]
    result = run_job("merge", *uris, f"--out={store}/{out}", *flags)
    return result.returncode, result.stderr


def tensors(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        name: rng.standard_normal(shape).astype(np.float32)
        for name, shape in {"b.weight": (7, 5), "a.weight": (300,), "c.bias": (1,)}.items()
    }


def test_streams_three_models_of_any_sharding(store: str, tmp_path: Path) -> None:
    base, instruct, onto = (tensors(seed) for seed in range(3))
    commit_tensors(f"{store}/base", {"model.safetensors": base})
    halves = {"model-00001-of-00002.safetensors": {"c.bias": instruct["c.bias"]}}
    rest = {name: instruct[name] for name in ("a.weight", "b.weight")}
    halves["model-00002-of-00002.safetensors"] = rest
    chat = b"instruct's"
    commit_tensors(f"{store}/instruct", halves, chat_template__jinja=chat, tokenizer__json=b"{}")
    commit_tensors(f"{store}/onto", {"model.safetensors": onto}, tokenizer__json=b"onto's")
    flags = ["--shard-bytes=1000", "--max-bytes=64KiB"]
    code, error = merge(store, *flags)
    assert code == 0, error
    merged = Artifact.open(f"{store}/out", "model")
    folder = merged.local_copy(tmp_path / "copy")
    found: dict[str, np.ndarray] = {}
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    for file in set(index["weight_map"].values()):
        found |= load_file(folder / file)
    for name in base:
        exact = (
            onto[name].astype(np.longdouble)
            - base[name].astype(np.longdouble)
            + instruct[name].astype(np.longdouble)
        )
        np.testing.assert_array_equal(found[name], exact.astype(np.float32))
    assert merged.read("chat_template.jinja") == chat
    assert merged.read("tokenizer.json") == b"{}"


def test_the_sharding_of_inputs_leaves_no_trace(tmp_path: Path) -> None:
    store = str(tmp_path)
    for role, seed in (("base", 0), ("instruct", 1), ("onto", 2)):
        commit_tensors(f"{store}/{role}", {"model.safetensors": tensors(seed)})
    assert merge(store, out="one")[0] == 0
    single = {f"{n}": {name: t} for n, (name, t) in enumerate(tensors(1).items())}
    shards = {f"model-0000{n}-of-00003.safetensors": part for n, part in single.items()}
    commit_tensors(f"{store}/other/instruct", shards)
    result = run_job(
        "merge",
        f"--base={store}/base",
        f"--instruct={store}/other/instruct",
        f"--onto={store}/onto",
        f"--out={store}/two",
        "--max-bytes=65536",
    )
    assert result.returncode == 0, result.stderr
    one, two = (Artifact.open(f"{store}/{name}").digest for name in ("one", "two"))
    assert one == two


def test_the_result_loads_and_the_identities_hold(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    store = str(tmp_path)
    commit_llama(f"{store}/base", tmp_path / "s0", seed=0)
    commit_llama(f"{store}/onto", tmp_path / "s0", seed=0)
    instruct = commit_llama(f"{store}/instruct", tmp_path / "s1", seed=1)
    assert merge(store)[0] == 0
    merged = Artifact.open(f"{store}/out")
    for name, tensor in read_tensors(merged).items():
        there = read_tensors(instruct)[name]
        ours = merged.read_range(tensor.file, tensor.start, tensor.length)
        assert bytes(ours) == bytes(instruct.read_range(there.file, there.start, there.length))
    AutoModelForCausalLM.from_pretrained(tmp_path / "out")


def test_altered_weights_are_found(tmp_path: Path) -> None:
    store = str(tmp_path)
    for role, seed in (("base", 0), ("instruct", 1), ("onto", 2)):
        commit_tensors(f"{store}/{role}", {"model.safetensors": tensors(seed)})
    weights = tmp_path / "base/model.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    code, error = merge(store)
    assert code == 64
    assert "base/model.safetensors is corrupt" in error
    assert not (tmp_path / "out/manifest.json").exists()


def changed(**changes: np.ndarray | None) -> dict[str, np.ndarray]:
    kept = {**tensors(0), **{name.replace("__", "."): value for name, value in changes.items()}}
    return {name: value for name, value in kept.items() if value is not None}


@pytest.mark.parametrize(
    ("instruct", "said"),
    [
        (changed(c__bias=None), "--instruct lacks tensors that --onto has: c.bias"),
        (changed(d=np.zeros(1, np.float32)), "--instruct has tensors that --onto lacks: d"),
        (
            changed(c__bias=np.zeros(2, np.float32)),
            "tensor c.bias is F32 [2] in --instruct but F32 [1] in --onto",
        ),
        (changed(c__bias=np.zeros(1, np.float16)), "tensor c.bias is F16 [1] in --instruct"),
        (changed(c__bias=np.array([np.nan], np.float32)), "tensor c.bias: a value is NaN"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, instruct: dict[str, np.ndarray], said: str
) -> None:
    store = str(tmp_path)
    for role, content in (("base", tensors(0)), ("instruct", instruct), ("onto", tensors(0))):
        commit_tensors(f"{store}/{role}", {"model.safetensors": content})
    code, error = merge(store)
    assert code == 64
    assert said in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out/manifest.json").exists()


@pytest.mark.parametrize(
    ("alter", "said"),
    [
        (lambda data: data[:4], "is no safetensors file"),
        (lambda data: b"\xff" * 8 + data[8:], "a header of"),
        (lambda data: data[:-4], "its header says"),
        (lambda data: data.replace(b"[0,", b"[4,", 1), "offsets"),
        (lambda data: data.replace(b"F32", b"X32"), "wrong safetensors header"),
    ],
)
def test_lying_headers_are_refused(tmp_path: Path, alter, said: str) -> None:  # type: ignore[no-untyped-def]
    from safetensors.numpy import save

    from tests.pico import commit

    data = alter(save(tensors(0)))
    model = commit(str(tmp_path), "model", {"model.safetensors": data})
    with pytest.raises(BadInputError, match=said):
        read_tensors(model)
