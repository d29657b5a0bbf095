"""What a job computed on, by name, for people to read and hours to be counted by."""

import platform

import torch

from jobs.kinds.promises import PROCESSOR


def device_name(device: torch.device) -> str:
    """The accelerator by its maker's name; of a processor only the architecture."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{PROCESSOR} ({platform.machine()})"
