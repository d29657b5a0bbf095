"""What a job computes on: its name, for people and to count its hours by, and its memory."""

import contextlib
import platform
from collections.abc import Iterator

import torch

from jobs.errors import BadInputError
from jobs.kinds.promises import PROCESSOR
from jobs.numbers import num_bytes


def device_name(device: torch.device) -> str:
    """The accelerator by its maker's name; of a processor only the architecture."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{PROCESSOR} ({platform.machine()})"


@contextlib.contextmanager
def within_memory(what: str, fix: str) -> Iterator[None]:
    """Raises BadInputError where memory is too small for `what`: no retry makes more of it.

    torch has a type for an accelerator's memory, and none for a machine's.
    """
    try:
        yield
    except RuntimeError as error:
        said = str(error)
        is_of_gpu = isinstance(error, torch.OutOfMemoryError) or "out of memory" in said
        if not is_of_gpu and "can't allocate memory" not in said:
            raise
        where = _gpu() if is_of_gpu else "this machine's memory"
        raise BadInputError(f"{where} is too small for {what}; {fix}") from error


def _gpu() -> str:
    if not torch.cuda.is_available():
        return "the GPU's memory"
    device = torch.cuda.get_device_properties(torch.cuda.current_device())
    return f"the GPU's memory ({device.name}, {num_bytes(device.total_memory)})"
