"""A GPU that is too small is bad input, in plain words."""

import pytest
import torch

from jobs.errors import BadInputError
from jobs.kinds.devices import within_memory

TORCHS = (
    "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 79.11 GiB of "
    "which 1.20 GiB is free. Process 7 has 77.9 GiB memory in use. Of the allocated memory 70.00 "
    "GiB is allocated by PyTorch, and 1.00 GiB is reserved by PyTorch but unallocated."
)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (TORCHS, " (2.50 GiB more was needed, 1.20 GiB of 79.11 GiB is free)"),
        ("HIP ran out", ""),
    ],
)
def test_a_full_gpu(said: str, told: str) -> None:
    with pytest.raises(BadInputError) as raised, within_memory("buy one"):
        raise torch.OutOfMemoryError(said)
    assert str(raised.value) == f"the memory of the GPU is full{told}; buy one"


def test_other_errors_stay() -> None:
    with pytest.raises(ZeroDivisionError), within_memory("buy one"):
        raise ZeroDivisionError
