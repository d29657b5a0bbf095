"""A model's tensors come from the store whole, in order, and checked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.model import read_tensors
from jobs.kinds.safetensors_header import DTYPE_BYTES
from jobs.train import files as files_module
from jobs.train.files import Files
from tests.support.paths import attempt_in
from tests.support.pico import commit_tensors

TENSORS: dict[str, dict[str, np.ndarray]] = {
    "a.safetensors": {
        "one": np.arange(7, dtype=np.float32),
        "none": np.zeros((0, 3), dtype=np.float16),
        "single": np.array(5, dtype=np.int64),
    },
    "b.safetensors": {"two": np.arange(6, dtype=np.float16).reshape(2, 3)},
}


@pytest.fixture
def model(tmp_path: Path) -> Artifact:
    return commit_tensors(f"{tmp_path}/model", TENSORS)


@pytest.mark.parametrize("piece_bytes", [1, 5, 2**25])
def test_every_tensor_comes_once_whatever_the_pieces(
    model: Artifact, monkeypatch: pytest.MonkeyPatch, piece_bytes: int
) -> None:
    monkeypatch.setattr(files_module, "PIECE_BYTES", piece_bytes)
    files = Files(model, read_tensors(model))
    expected = {name: one for shard in TENSORS.values() for name, one in shard.items()}
    found = dict(zip(files.tensors, files.all(), strict=True))
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        for one in (found[name], files.read(name)):
            assert one.numpy().dtype == tensor.dtype
            assert one.shape == tensor.shape
            assert (one.numpy() == tensor).all()


def test_an_altered_file_is_met_at_its_end(model: Artifact) -> None:
    path = attempt_in(Path(model.uri)) / "a.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    files = Files(model, read_tensors(model))
    with pytest.raises(BadInputError, match=r"a\.safetensors is corrupt: blake3 "):
        list(files.all())


def test_a_type_that_torch_does_not_have_is_named(model: Artifact) -> None:
    tensors = read_tensors(model)
    odd = {name: replace(one, dtype="F8_E8M0") for name, one in tensors.items()}
    with pytest.raises(BadInputError, match="tensor none is F8_E8M0; taken are BF16, F16, "):
        Files(model, dict(sorted(odd.items())))


def test_torch_has_the_sizes_of_the_format() -> None:
    for name, dtype in files_module.TYPES.items():
        assert torch.empty(0, dtype=dtype).element_size() == DTYPE_BYTES[name]
