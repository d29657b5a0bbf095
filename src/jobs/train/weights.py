"""A model's tensors on their way into DeepSpeed's engine and out of it, each in its own type.

Where the engine computes in bfloat16, its optimizer has master weights in float32, and makes them
from the bfloat16 ones. Of a model in float16 or float32 that loses what merge would then take for
training. So the masters are set to the model's own values, which float32 holds exactly, and the
masters are what is saved, rounded once to each tensor's type: a weight that did not move comes out
with its very bits. What is no parameter (a buffer, a constant of an old file) is never trained, and
comes out as it came.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from itertools import repeat
from typing import Any

import torch
from deepspeed.utils import (
    safe_get_full_fp32_param,
    safe_get_local_fp32_param,
    safe_set_full_fp32_param,
    safe_set_local_fp32_param,
)
from torch import distributed

from jobs.errors import BadInputError
from jobs.train.files import TYPES, Files
from jobs.train.names import as_in_files, names_in_files
from jobs.train.network import Network

TRAINED = ("BF16", "F16", "F32")


class Weights:
    """The tensors of one model, by the names that its files give them."""

    def __init__(self, files: Files, outline: Any) -> None:
        """`outline` is the network that transformers makes of the files, without values.

        Raises BadInputError where their tensors are not the network's, or cannot be trained.
        """
        self._files, self._outline = files, outline
        self._names = names_in_files(outline, files.tensors)
        self._parameters = {part: name for name, parts in self._names.items() for part in parts}
        for part in self._parameters:
            if files.tensors[part].dtype not in TRAINED:
                raise BadInputError(
                    f"tensor {part} is {files.tensors[part].dtype}; trained are "
                    f"{', '.join(TRAINED)}: save the model in one of them"
                )
        self._negative_zeros = dict[str, torch.Tensor]()
        self._constants = dict[str, torch.Tensor]()

    def fill(
        self,
        network: Network,
        device: torch.device,
        share: Callable[[torch.nn.Parameter], None],
    ) -> None:
        """Gives the network its parameters, on `device`, with values on process 0 alone.

        After each `share` is called with it, which may give others the values, and divide it. A
        collective call. Raises BadInputError where a file was altered.
        """
        buffers = dict(network.module.named_buffers())
        waiting = defaultdict[str, dict[str, torch.Tensor]](dict)
        for part, value in zip(self._files.tensors, self._read_by_one(), strict=True):
            if part not in self._parameters:
                constant = self._files.read(part) if value is None else value
                self._constants[part] = constant
                if part in buffers:
                    buffers[part].copy_(constant)
                continue
            name = self._parameters[part]
            waiting[name][part] = value
            if len(waiting[name]) < len(self._names[name]):
                continue
            values = waiting.pop(name)
            parameter = network.module.get_parameter(name)
            if parameter.is_meta:  # not there yet under another name
                made = torch.empty(parameter.shape, dtype=parameter.dtype, device=device)
                if value is not None:
                    made.copy_(self._whole(name, values))
                parameter = torch.nn.Parameter(made, requires_grad=parameter.requires_grad)
                network.set(name, parameter)
                share(parameter)

    def _read_by_one(self) -> Iterator[Any]:
        """The values of all tensors on process 0, and None on others."""
        if distributed.get_rank():
            yield from repeat(None, len(self._files.tensors))
            return
        for part, value in zip(self._files.tensors, self._files.all(), strict=True):
            if part in self._parameters:
                self._negative_zeros[part] = _negative_zeros(value)
            yield value

    def set_masters(self, engine: Any, device: torch.device) -> None:
        """Gives the optimizer's master weights the values that bfloat16 does not hold.

        A collective call.
        """
        parameters = dict(engine.module.network.named_parameters(remove_duplicate=False))
        for name, parts in self._names.items():
            if {self._files.tensors[part].dtype for part in parts} != {"BF16"}:
                value = torch.empty(self._outline.get_parameter(name).shape, device=device)
                if distributed.get_rank() == 0:
                    value.copy_(self._whole(name, {part: self._files.read(part) for part in parts}))
                distributed.broadcast(value, 0)
                _set_master(parameters[name], value)

    def collect(self, engine: Any) -> dict[str, torch.Tensor]:
        """All tensors, in the types they came in; on process 0, and nothing on others.

        A collective call. Raises BadInputError where a value does not fit its type any more.
        """
        is_writer = distributed.get_rank() == 0
        made = dict(self._constants)
        parameters = dict(engine.module.network.named_parameters(remove_duplicate=False))
        for name in self._names:
            value = safe_get_full_fp32_param(parameters[name])
            if is_writer:
                for part, values in self._parts(name, value).items():
                    made[part] = self._rounded(part, values)
        return {part: made[part] for part in self._files.tensors} if is_writer else {}

    def _parts(self, name: str, value: torch.Tensor) -> dict[str, torch.Tensor]:
        """A parameter's `value` by the tensors of the files."""
        if self._names[name] == [name]:
            return {name: value}
        return as_in_files(self._outline, name, value)

    def _whole(self, name: str, values: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The reverse: a parameter from the tensors of the files, in a type that holds them all."""
        if self._names[name] == [name]:
            return values[name]
        shape = self._outline.get_parameter(name).shape
        dtype = reduce(torch.promote_types, (value.dtype for value in values.values()))
        whole = torch.empty(shape.numel(), dtype=dtype)
        places = torch.arange(shape.numel()).view(shape)
        for part, place in self._parts(name, places).items():
            whole[place.flatten()] = values[part].flatten().to(dtype)
        return whole.view(shape)

    def _rounded(self, name: str, value: torch.Tensor) -> torch.Tensor:
        dtype = TYPES[self._files.tensors[name].dtype]
        rounded = value.to("cpu", dtype, copy=True).flatten()
        if not torch.isfinite(rounded).all():
            raise BadInputError(
                f"tensor {name} has grown beyond {dtype}; lower the learning rate, or save the "
                "model in bfloat16 or float32 before it is trained"
            )
        here = self._negative_zeros[name]
        rounded[here[rounded[here] == 0]] = -0.0
        return rounded.view(value.shape)


def _set_master(parameter: Any, value: torch.Tensor) -> None:
    """The master of one parameter, or this process's part of it."""
    if not hasattr(parameter, "ds_id"):  # ZeRO 1 and 2
        safe_set_full_fp32_param(parameter, value.to(parameter.device))
        return
    # ZeRO 3: parts of equal size, the last of which may reach beyond the end.
    here = safe_get_local_fp32_param(parameter)
    start = distributed.get_rank() * here.numel()
    part = value.flatten()[start : start + here.numel()].to(here.device)
    whole = here.clone().flatten()
    whole[: part.numel()] = part
    safe_set_local_fp32_param(parameter, whole)


def _negative_zeros(tensor: torch.Tensor) -> torch.Tensor:
    """Their places in the flat tensor.

    A step that moves nothing, and the sum over processes, lose the sign: −0 + 0 = 0.
    """
    flat = tensor.flatten()
    return ((flat == 0) & flat.signbit()).nonzero().squeeze(1)
