"""The network that train fills is the one that transformers would load."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from jobs.errors import BadInputError
from jobs.kinds.model import read_tensors
from jobs.train.attention import implementation
from jobs.train.files import Files
from jobs.train.network import Network
from tests.jobs.train.networks import ARCHITECTURES, network
from tests.support.pico import commit


def saved(folder: Path, architecture: str) -> Files:
    network(architecture).save_pretrained(folder / "saved")
    files = {path.name: path.read_bytes() for path in (folder / "saved").iterdir()}
    model = commit(f"{folder}/model", "model", files)
    return Files(model, read_tensors(model))


def tied(module: Any) -> list[list[str]]:
    """The names of each parameter, where it has several."""
    found = defaultdict[int, list[str]](list)
    for name, parameter in module.named_parameters(remove_duplicate=False):
        found[id(parameter)].append(name)
    return sorted(found.values())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_is_as_transformers_loads_it(tmp_path: Path, architecture: str) -> None:
    files = saved(tmp_path, architecture)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "saved", trust_remote_code=False)
    made = Network(files, torch.float32, implementation)
    assert tied(made.module) == tied(made.outline) == tied(loaded)
    for name, parameter in loaded.named_parameters():
        for one in (made.module, made.outline):
            there = one.get_parameter(name)
            assert there.is_meta
            assert (there.shape, there.dtype) == (parameter.shape, parameter.dtype)
    named = dict(made.module.named_buffers())
    buffers = {name: one for name, one in loaded.named_buffers() if name not in files.tensors}
    assert named.keys() == buffers.keys() | (named.keys() & files.tensors.keys())
    assert all(torch.equal(named[name], one) for name, one in buffers.items())


def test_a_parameter_is_set_wherever_it_is_used(tmp_path: Path) -> None:
    made = Network(saved(tmp_path, "tied"), torch.float32, implementation)
    shape = made.module.get_parameter("lm_head.weight").shape
    parameter = torch.nn.Parameter(torch.ones(shape))
    made.set("lm_head.weight", parameter)
    assert made.module.get_parameter("model.embed_tokens.weight") is parameter
    assert made.module.get_parameter("lm_head.weight") is parameter


def test_a_weight_that_is_missing_is_named(tmp_path: Path) -> None:
    files = saved(tmp_path, "llama")
    without = {name: one for name, one in files.tensors.items() if name != "lm_head.weight"}
    with pytest.raises(BadInputError, match=r"lacks weights that its config asks for: lm_head"):
        Network(Files(files.model, without), torch.float32, implementation)
