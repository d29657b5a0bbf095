"""Where a process's share of the optimizer lies in DeepSpeed's flat tensors, by the model's names.

Each stage of ZeRO divides the float32 masters and AdamW's two moments over the processes in its own
way. A piece says which elements of which parameter one stretch of a flat tensor is; with that the
shares of any number of processes, of any stage, can be told apart and put together again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from deepspeed.runtime.bf16_optimizer import BF16_Optimizer
from torch import distributed

MASTER = "master"
MOMENTS = ("exp_avg", "exp_avg_sq")
"""Of AdamW: of the gradients, and of their squares."""
KINDS = (MASTER, *MOMENTS)


@dataclass(frozen=True)
class Piece:
    """Elements `start` to `start + count` of a parameter's flat values."""

    name: str
    start: int
    count: int
    flat: torch.Tensor
    """Of the masters, float32; the moments have the same shape."""
    offset: int
    """In `flat`."""

    def of(self, flat: torch.Tensor) -> torch.Tensor:
        """The piece in `flat`, or in a tensor of its shape: a view [count]."""
        return flat.detach().narrow(0, self.offset, self.count)


class Share:
    """What this process keeps of an engine's optimizer."""

    def __init__(self, engine: Any) -> None:
        self._zero = engine.optimizer
        self._states: dict[torch.Tensor, dict[str, torch.Tensor]] = engine.optimizer.optimizer.state
        self.pieces = list(_pieces(engine))

    def tensors(self, piece: Piece) -> dict[str, torch.Tensor]:
        """Kind → its values, flat views. There are moments after a step, or after `begin`."""
        state = self._states[piece.flat]
        moments = {kind: piece.of(state[kind]) for kind in MOMENTS}
        return {MASTER: piece.of(piece.flat), **moments}

    def begin(self, steps: int) -> None:
        """Makes room for the moments where there is none yet, and counts as after so many steps."""
        for flat in {id(piece.flat): piece.flat for piece in self.pieces}.values():
            if flat not in self._states:
                self._states[flat] = {kind: torch.zeros_like(flat) for kind in MOMENTS}
            self._states[flat]["step"] = torch.tensor(float(steps), device=flat.device)

    def give_weights(self) -> None:
        """Rounds the masters into the weights that the model computes with; a collective call."""
        if not hasattr(self._zero, "fp32_partitioned_groups_flat"):  # ZeRO 1 and 2
            self._zero.update_lp_params()
            return
        self._zero._partition_all_parameters()
        for number, _ in enumerate(self._zero.fp32_partitioned_groups_flat):
            self._zero._reassign_or_swap_out_partitioned_parameters(number)
        if small := self._zero.persistent_parameters:  # all processes hold them whole
            small[0].all_gather(small)


def _pieces(engine: Any) -> Iterator[Piece]:
    for name, parameter in engine.module.network.named_parameters():
        found = _of_stage_3 if hasattr(parameter, "ds_id") else _of_stage_1_or_2
        if piece := found(name, parameter, engine.optimizer):
            yield piece


def _of_stage_1_or_2(name: str, parameter: Any, zero: Any) -> Piece | None:
    here = parameter._hp_mapping
    if here is None:
        return None
    of_bfloat16 = isinstance(zero, BF16_Optimizer)  # DeepSpeed's stage 1 then
    flats = zero.fp32_groups_flat_partition if of_bfloat16 else zero.single_partition_of_fp32_groups
    flat, there = flats[here.param_group_index], here.lp_fragment_address
    return Piece(name, there.start, there.numel, flat, here.hp_fragment_address.start)


def _of_stage_3(name: str, parameter: Any, zero: Any) -> Piece | None:
    """Parts of equal size, the last of which may reach beyond the end."""
    group, offset, size = zero.grad_position[zero.get_param_id(parameter)]
    start = distributed.get_rank() * size
    count = min(size, parameter.ds_numel - start)
    if count <= 0:
        return None
    return Piece(name, start, count, zero.fp32_partitioned_groups_flat[group], offset)
