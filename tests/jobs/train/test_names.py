"""Tensors are saved under the names, and in the parts, in which the model's files hold them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from jobs.errors import BadInputError
from jobs.kinds.safetensors_header import Tensor
from jobs.train.names import as_in_files, names_in_files
from tests.jobs.train.networks import ARCHITECTURES, network

EXPERT = "model.layers.1.block_sparse_moe.experts.3.w2.weight"


def saved(folder: Path, architecture: str) -> tuple[Any, dict[str, torch.Tensor]]:
    """A network as transformers loads it, and the tensors of its files."""
    network(architecture).save_pretrained(folder)
    loaded = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False)
    return loaded, load_file(folder / "model.safetensors")


def told(tensors: dict[str, torch.Tensor]) -> dict[str, Tensor]:
    return {
        name: Tensor(name, "model.safetensors", "F32", tuple(one.shape), 0, 0)
        for name, one in tensors.items()
    }


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_parameter_is_found_in_the_files(tmp_path: Path, architecture: str) -> None:
    loaded, tensors = saved(tmp_path, architecture)
    parameters = dict(loaded.named_parameters(remove_duplicate=False))
    buffers = dict(loaded.named_buffers())
    names = names_in_files(loaded, told(tensors))
    assert sorted(part for parts in names.values() for part in parts) == sorted(
        tensors.keys() - buffers.keys()
    )
    for name, parts in names.items():
        found = as_in_files(loaded, name, parameters[name].detach())
        assert [*found] == parts
        assert all(torch.equal(found[part], tensors[part]) for part in parts)


def test_a_tensor_that_no_parameter_is_made_of_is_refused(tmp_path: Path) -> None:
    loaded, tensors = saved(tmp_path, "experts")
    with pytest.raises(BadInputError, match=r"otherwise than the model: 'model\.odd';"):
        names_in_files(loaded, told({**tensors, "model.odd": torch.zeros(3)}))


@pytest.mark.parametrize("shape", [None, (1, 1)], ids=["gone", "of another shape"])
def test_a_parameter_of_which_a_part_is_not_there_is_refused(
    tmp_path: Path, shape: tuple[int, int] | None
) -> None:
    loaded, tensors = saved(tmp_path, "experts")
    del tensors[EXPERT]
    if shape:
        tensors[EXPERT] = torch.zeros(shape)
    else:
        others = "model.layers.1.block_sparse_moe.experts."
        tensors = {name: one for name, one in tensors.items() if not name.startswith(others)}
    with pytest.raises(BadInputError, match=r"experts|lacks weights that its config asks for"):
        names_in_files(loaded, told(tensors))
