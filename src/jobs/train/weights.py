"""A model's tensors on their way into DeepSpeed's engine and out of it, each in its own type.

Where the engine computes in bfloat16, its optimizer has master weights in float32, and makes them
from the bfloat16 ones. Of a model in float16 or float32 that loses what merge would then take for
training. So the masters are set to the model's own values, which float32 holds exactly, and the
masters are what is saved, rounded once to each tensor's type: a weight that did not move comes out
with its very bits. What is no parameter (a buffer, a constant of an old file) is never trained, and
comes out as it came.
"""

from collections.abc import Mapping
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
from jobs.kinds.model import CONSTANTS
from jobs.kinds.safetensors_header import Tensor
from jobs.words import listed

TRAINED = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}


class Weights:
    """The tensors of one model, by the names that its files give them."""

    def __init__(self, folder: Path, tensors: Mapping[str, Tensor], module: Any) -> None:
        """`module` is the model as transformers made it from the local files in `folder`.

        Raises BadInputError where their tensors are not the module's, or cannot be trained.
        """
        self._folder, self._tensors = folder, tensors
        parameters = dict(module.named_parameters(remove_duplicate=False))
        _check_names(tensors, parameters, module)
        self._trained = [name for name in tensors if name in parameters]
        for name in self._trained:
            if tensors[name].dtype not in TRAINED:
                raise BadInputError(
                    f"tensor {name} is {tensors[name].dtype}; trained are {', '.join(TRAINED)}: "
                    "save the model in one of them"
                )
        self._negative_zeros = {name: _negative_zeros(parameters[name]) for name in self._trained}
        self._constants = {name: self._read(name) for name in tensors if name not in parameters}

    def set_masters(self, engine: Any) -> None:
        """Gives the optimizer's master weights the values that bfloat16 does not hold."""
        parameters = dict(engine.module.network.named_parameters(remove_duplicate=False))
        for name in self._trained:
            if self._tensors[name].dtype != "BF16":
                _set_master(parameters[name], self._read(name).float())

    def collect(self, engine: Any) -> dict[str, torch.Tensor]:
        """All tensors, in the types they came in; on process 0, and nothing on others.

        A collective call. Raises BadInputError where a value does not fit its type any more.
        """
        kept: dict[str, torch.Tensor] = {}
        parameters = dict(engine.module.network.named_parameters(remove_duplicate=False))
        for name in self._trained:
            value = safe_get_full_fp32_param(parameters[name])
            if distributed.get_rank() == 0:
                kept[name] = self._rounded(name, value)
        return kept | self._constants if distributed.get_rank() == 0 else {}

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


def _check_names(
    tensors: Mapping[str, Tensor], parameters: Mapping[str, torch.Tensor], module: Any
) -> None:
    """Raises BadInputError unless every tensor can be saved under its name, and none is made up."""
    known = parameters.keys() | module.state_dict().keys()
    if odd := [name for name in tensors if name not in known and not name.endswith(CONSTANTS)]:
        raise BadInputError(
            f"transformers calls tensors otherwise than the model: {listed(sorted(odd))}; load it "
            "with transformers, save it again, and ingest that"
        )
    loaded = {id(parameters[name]) for name in tensors if name in parameters}
    if lost := [name for name, one in parameters.items() if id(one) not in loaded]:
        raise BadInputError(
            f"the model lacks weights that its config asks for: {listed(sorted(lost))}; ingest it "
            "again, whole"
        )


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
