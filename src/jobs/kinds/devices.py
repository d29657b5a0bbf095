"""What a job computes on: by name, for people to read and hours to be counted by; and too small."""

import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from jobs.errors import BadInputError
from jobs.kinds.promises import PROCESSOR

_ROOM = re.compile(
    r"Tried to allocate ([\d.]+ \w+).* capacity of ([\d.]+ \w+) of which ([\d.]+ \w+) is free"
)
"""In what torch says of a GPU that is full."""


def device_name(device: torch.device) -> str:
    """The accelerator by its maker's name; of a processor only the architecture."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{PROCESSOR} ({platform.machine()})"


@contextmanager
def within_memory(fix: str) -> Iterator[None]:
    """Raises BadInputError where a GPU is full: the same command finds no more room there."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        room = _ROOM.search(" ".join(str(error).split()))
        told = f" ({room[1]} more was needed, {room[3]} of {room[2]} is free)" if room else ""
        raise BadInputError(f"the memory of the GPU is full{told}; {fix}") from error
