"""A memory that is too small is the settings' fault, and told with which to lower."""

import pytest
import torch

from jobs.errors import BadInputError
from jobs.kinds.devices import within_memory


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has"), (
            "the GPU's memory is too small for 8 rows; lower --batch-size from 8")),
        (RuntimeError("CUDA error: out of memory\nCompile with TORCH_USE_CUDA_DSA"), (
            "the GPU's memory is too small for 8 rows; lower --batch-size from 8")),
        (RuntimeError(
            "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate "
            "memory: you tried to allocate 80000000 bytes. Error code 12 (Cannot allocate memory)"
        ), "this machine's memory is too small for 8 rows; lower --batch-size from 8"),
    ],
)  # fmt: skip
def test_what_does_not_fit(error: Exception, says: str) -> None:
    with (
        pytest.raises(BadInputError) as caught,
        within_memory("8 rows", "lower --batch-size from 8"),
    ):
        raise error
    assert str(caught.value) == says


def test_torch_says_it_so() -> None:
    with pytest.raises(BadInputError, match="this machine's memory"), within_memory("it", "less"):
        torch.empty(2**60, dtype=torch.uint8)


def test_other_errors_stay() -> None:
    with pytest.raises(RuntimeError, match="shape"), within_memory("8 rows", "fewer"):
        raise RuntimeError("shape '[2]' is invalid")
