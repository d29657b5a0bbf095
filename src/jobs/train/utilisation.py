"""How much of a device's peak training uses: model FLOPs utilisation, MFU.

Counted is what the model needs, as Chowdhery et al. do (PaLM, arXiv 2204.02311, appendix B): 6
FLOPs a parameter and token, and those of attention, here causal and within each document; nothing
of what is computed twice.
"""

from dataclasses import dataclass
from typing import Any

import torch

PEAK_FLOPS = {"A100": 312e12, "H100": 989e12, "H200": 989e12}
"""Dense, in bfloat16, by the makers."""


@dataclass(frozen=True)
class Work:
    """FLOPs of one network."""

    parameters: int
    attention: int
    """Elements of all query heads of all layers."""

    @classmethod
    def of(cls, network: Any) -> "Work":
        """`network` is transformers' own, or one divided by ZeRO 3."""
        config = network.config.get_text_config()
        heads: int = config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // heads
        sizes = (getattr(one, "ds_numel", one.numel()) for one in network.parameters())
        return cls(sum(sizes), config.num_hidden_layers * heads * size)

    def flops(self, tokens: int, squares: int) -> float:
        """To train on `tokens`, `squares` being the sum of the documents' squared lengths.

        Two products of n²/2 pairs, 2 FLOPs an element and pair, and twice that on the way back.

        >>> Work(1000, 64).flops(10, 100)
        98400.0
        """
        return 6.0 * self.parameters * tokens + 6.0 * self.attention * squares


def peak_flops(device: torch.device) -> float | None:
    """Of one device; None where it is not known."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((flops for key, flops in PEAK_FLOPS.items() if key in name), None)


def memory_bytes(device: torch.device) -> int | None:
    """The most that this process had of a GPU's memory; None on a CPU."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
