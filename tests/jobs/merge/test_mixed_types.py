"""Models of different types merged: exact, rounded once to the instruct model's type."""

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from jobs.artifacts.reading import Artifact
from jobs.fit.shapes import SUMMED
from jobs.merge.arithmetic import merge as arithmetic
from jobs.merge.arithmetic.exact import STORAGE
from tests.jobs.merge.models import Q, files_of, merge
from tests.jobs.merge.rational import FORMATS, array, decode, encode, words_of
from tests.support.pico import commit

TORCH = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}
MIXED = [types for types in itertools.product(FORMATS, repeat=3) if len(set(types)) > 1]


def some_words(dtype: str, seed: int) -> list[int]:
    """Both zeros, the smallest numbers, powers of two, and what weights are."""
    _, exponent_bits, fraction_bits = FORMATS[dtype]
    rng = np.random.default_rng(seed)
    one = (2 ** (exponent_bits - 1) - 1) << fraction_bits
    sign = 1 << (FORMATS[dtype][0] - 1)
    edges = [0, sign, 1, sign | 1, 1 << fraction_bits, one, sign | one, one + 1]
    weights = rng.integers(one - 12 * 2**fraction_bits, one, 120)
    return [*edges, *(weights | rng.integers(0, 2, 120) * sign).tolist()]


@pytest.mark.parametrize("types", MIXED, ids="-".join)
def test_sums_of_different_types_are_exact_and_rounded_once(types: tuple[str, str, str]) -> None:
    onto, base, instruct = (some_words(dtype, seed) for seed, dtype in enumerate(types))
    base[100:] = onto[100:] if types[0] == types[1] else base[100:]
    out_type = types[2]
    out = array([0] * len(onto), out_type)
    words = zip((onto, base, instruct), types, strict=True)
    first, second, third = (array(some, dtype) for some, dtype in words)
    arithmetic.merge(first, second, third, out, (*types, out_type))
    for o, b, i, found in zip(onto, base, instruct, words_of(out, out_type), strict=True):
        sum_ = decode(o, types[0]) - decode(b, types[1]) + decode(i, types[2])
        if types[0] == types[1] and o == b:
            assert found == i
        elif sum_:
            assert found == encode(sum_, out_type)
        else:
            assert decode(found, out_type) == 0


def put(store: str, role: str, tensors: dict[str, torch.Tensor], dtype: str) -> None:
    files = {**files_of(), "model.safetensors": save(tensors)}
    config = files["config.json"].replace(b"{", b'{"dtype": "%s", ' % dtype.encode(), 1)
    commit(f"{store}/{role}", "model", {**files, "config.json": config})


def randoms(seed: int, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    made = load(files_of()["model.safetensors"])
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(made[name].shape, generator=generator).to(dtype) for name in sorted(made)
    }


def result(store: str) -> tuple[Artifact, dict[str, torch.Tensor]]:
    merged = Artifact.open(f"{store}/out")
    return merged, load(merged.read("model.safetensors"))


def bits(tensor: torch.Tensor) -> list[int]:
    return tensor.view({2: torch.int16, 4: torch.int32}[tensor.element_size()]).flatten().tolist()


def test_a_base_in_float32_beside_an_instruct_model_in_bfloat16(tmp_path: Path) -> None:
    store = str(tmp_path)
    base, onto = randoms(0, torch.float32), randoms(1, torch.float32)
    instruct = randoms(2, torch.bfloat16)
    for role, tensors, dtype in (
        ("base", base, "float32"), ("onto", onto, "float32"), ("instruct", instruct, "bfloat16"),
    ):  # fmt: skip
        put(store, role, tensors, dtype)
    assert merge(store) == ""
    merged, found = result(store)
    for name, tensor in found.items():
        assert tensor.dtype == torch.bfloat16
        sums = onto[name].double() - base[name].double() + instruct[name].double()
        # Not by sums.to(torch.bfloat16), which rounds to float32 first.
        expected = [encode(Fraction(value), "BF16") for value in sums.flatten().tolist()]
        assert words_of(tensor.flatten().view(torch.uint16).numpy(), "BF16") == expected
    assert merged.read_json("config.json")["dtype"] == "bfloat16"
    assert merged.statistics["types"] == {"onto F32, instruct BF16, base F32": 6}


@pytest.mark.parametrize("dtype", ["BF16", "F16"])
def test_nothing_trained_is_the_instruct_model_whatever_its_type(
    tmp_path: Path, dtype: str
) -> None:
    store = str(tmp_path)
    base, instruct = randoms(0, torch.float32), randoms(1, TORCH[dtype])
    instruct[Q][0, 0] = -0.0
    for role, tensors in (("base", base), ("onto", base), ("instruct", instruct)):
        put(store, role, tensors, "float32")
    assert merge(store) == ""
    _, found = result(store)
    assert {name: bits(tensor) for name, tensor in found.items()} == {
        name: bits(tensor) for name, tensor in instruct.items()
    }


def test_nothing_tuned_is_the_new_base_rounded_once(tmp_path: Path) -> None:
    """The values of instruct and base are the same, in bfloat16 and in float32."""
    store = str(tmp_path)
    instruct, onto = randoms(0, torch.bfloat16), randoms(1, torch.float32)
    base = {name: tensor.float() for name, tensor in instruct.items()}
    for role, tensors in (("base", base), ("onto", onto), ("instruct", instruct)):
        put(store, role, tensors, "float32")
    assert merge(store) == ""
    _, found = result(store)
    assert {name: bits(tensor) for name, tensor in found.items()} == {
        name: bits(tensor.to(torch.bfloat16)) for name, tensor in onto.items()
    }


def test_a_residual_of_different_types_is_added_as_the_pair_is(tmp_path: Path) -> None:
    store = str(tmp_path)
    put(store, "base", randoms(0, torch.float32), "float32")
    put(store, "instruct", randoms(1, torch.bfloat16), "bfloat16")
    put(store, "onto", randoms(2, torch.bfloat16), "bfloat16")
    assert merge(store, out="direct") == ""
    assert merge(store, roles="base instruct", out="residual") == ""
    statistics = Artifact.open(f"{store}/residual").statistics
    assert 0 < statistics["inexact"] < statistics["parameters"]
    assert statistics["types"] == {"instruct BF16, base F32": 6}
    assert merge(store, roles="residual onto", out="again") == ""
    onto, instruct, base = (load(Artifact.open(f"{store}/{role}").read("model.safetensors"))
                            for role in ("onto", "instruct", "base"))  # fmt: skip
    again = load(Artifact.open(f"{store}/again").read("model.safetensors"))
    for name, tensor in again.items():
        kept = (instruct[name].double() - base[name].double()).float()
        sums = onto[name].double() + kept.double()
        torch.testing.assert_close(tensor, sums.to(torch.bfloat16), rtol=0, atol=0)


def test_the_types_that_fit_are_those_that_are_computed() -> None:
    assert tuple(STORAGE) == SUMMED
