"""A model's tensors on their way into DeepSpeed's engine and out of it, each in its own type.

Where the engine computes in bfloat16, its optimizer has master weights in float32, and makes them
from the bfloat16 ones. Of a model in float16 or float32 that loses what merge would then take for
training. So the masters are set to the model's own values, which float32 holds exactly, and the
masters are what is saved, rounded once to each tensor's type: a weight that did not move comes out
with its very bits. What is no parameter (a buffer, a constant of an old file) is never trained, and
comes out as it came.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from deepspeed.utils import (
    safe_get_full_fp32_param,
    safe_get_local_fp32_param,
    safe_set_full_fp32_param,
    safe_set_local_fp32_param,
)
from safetensors import safe_open
from torch import distributed

from jobs.errors import BadInputError
from jobs.kinds.safetensors_header import Tensor
from jobs.train.names import as_in_files, names_in_files

TRAINED = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}


class Weights:
    """The tensors of one model, by the names that its files give them."""

    def __init__(self, folder: Path, tensors: Mapping[str, Tensor], network: Any) -> None:
        """`network` is as transformers made it from the local files in `folder`.

        Raises BadInputError where their tensors are not the network's, or cannot be trained.
        """
        self._folder, self._tensors = folder, tensors
        self._names = names_in_files(network, tensors)
        trained = {part for parts in self._names.values() for part in parts}
        for name in sorted(trained):
            if tensors[name].dtype not in TRAINED:
                raise BadInputError(
                    f"tensor {name} is {tensors[name].dtype}; trained are {', '.join(TRAINED)}: "
                    "save the model in one of them"
                )
        self._negative_zeros = dict[str, torch.Tensor]()
        self._constants = dict[str, torch.Tensor]()
        if distributed.get_rank() == 0:  # which alone collects
            self._constants = {name: self._read(name) for name in tensors if name not in trained}
            parameters = dict(network.named_parameters(remove_duplicate=False))
            for name in self._names:
                for part, value in self._parts(network, name, parameters[name].detach()).items():
                    self._negative_zeros[part] = _negative_zeros(value)

    def set_masters(self, engine: Any) -> None:
        """Gives the optimizer's master weights the values that bfloat16 does not hold."""
        network = engine.module.network
        parameters = dict(network.named_parameters(remove_duplicate=False))
        for name, parts in self._names.items():
            if {self._tensors[part].dtype for part in parts} != {"BF16"}:
                shape = getattr(parameters[name], "ds_shape", parameters[name].shape)
                _set_master(parameters[name], self._values(network, name, shape))

    def collect(self, engine: Any) -> dict[str, torch.Tensor]:
        """All tensors, in the types they came in; on process 0, and nothing on others.

        A collective call. Raises BadInputError where a value does not fit its type any more.
        """
        made = dict(self._constants)
        network = engine.module.network
        parameters = dict(network.named_parameters(remove_duplicate=False))
        for name in self._names:
            value = safe_get_full_fp32_param(parameters[name])
            if distributed.get_rank() == 0:
                for part, values in self._parts(network, name, value).items():
                    made[part] = self._rounded(part, values)
        return {name: made[name] for name in self._tensors if name in made}

    def _parts(self, network: Any, name: str, value: torch.Tensor) -> dict[str, torch.Tensor]:
        """A parameter's `value` by the tensors of the files."""
        if self._names[name] == [name]:
            return {name: value}
        return as_in_files(network, name, value)

    def _values(self, network: Any, name: str, shape: Sequence[int]) -> torch.Tensor:
        """A parameter as the files hold it, in float32."""
        if self._names[name] == [name]:
            return self._read(name).float()
        whole = torch.empty(math.prod(shape))
        places = torch.arange(len(whole)).view(shape)
        for part, place in self._parts(network, name, places).items():
            whole[place.flatten()] = self._read(part).flatten().float()
        return whole.view(shape)

    def _read(self, name: str) -> torch.Tensor:
        with safe_open(self._folder / self._tensors[name].file, "pt") as file:
            found: torch.Tensor = file.get_tensor(name)
        return found

    def _rounded(self, name: str, value: torch.Tensor) -> torch.Tensor:
        dtype = TRAINED[self._tensors[name].dtype]
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


def _negative_zeros(parameter: torch.Tensor) -> torch.Tensor:
    """Their places in the flat tensor.

    A step that moves nothing, and the sum over processes, lose the sign: −0 + 0 = 0.
    """
    flat = parameter.detach().flatten()
    return ((flat == 0) & flat.signbit()).nonzero().squeeze(1)
