"""Which tensors of a model's files a parameter is made of: transformers' own conversion, undone.

transformers gives some tensors other names than their files do, and puts others together (the
experts of a layer). It keeps what it did with a network that it loaded.
"""

from collections.abc import Mapping
from typing import Any

import torch
from transformers.core_model_loading import revert_weight_conversion

from jobs.errors import BadInputError
from jobs.kinds.model import CONSTANTS
from jobs.kinds.safetensors_header import Tensor
from jobs.words import listed


def as_in_files(network: Any, name: str, value: torch.Tensor) -> dict[str, torch.Tensor]:
    """What the files call the parameter `name`, or the parts of it, with their share of `value`."""
    found: dict[str, torch.Tensor] = revert_weight_conversion(network, {name: value})
    return found


def names_in_files(network: Any, tensors: Mapping[str, Tensor]) -> dict[str, list[str]]:
    """Parameter → the `tensors` that it is made of; a tied one that has none is left out.

    Raises BadInputError unless every tensor can be saved under its name, and none is made up.
    """
    parameters = dict(network.named_parameters(remove_duplicate=False))
    found = {}
    for name, parameter in parameters.items():
        parts = {name: parameter}
        if name not in tensors:
            parts = as_in_files(network, name, parameter.detach().to("meta"))
        there = {part: tensors[part].shape for part in parts if part in tensors}
        if there == {part: tuple(one.shape) for part, one in parts.items()}:
            found[name] = [*parts]
    known = {part for parts in found.values() for part in parts} | network.state_dict().keys()
    if odd := [name for name in tensors if name not in known and not name.endswith(CONSTANTS)]:
        raise BadInputError(
            f"transformers calls tensors otherwise than the model: {listed(sorted(odd))}; load it "
            "with transformers, save it again, and ingest that"
        )
    loaded = {id(parameters[name]) for name in found}
    if lost := [name for name, one in parameters.items() if id(one) not in loaded]:
        raise BadInputError(
            f"the model lacks weights that its config asks for: {listed(sorted(lost))}; ingest it "
            "again, whole"
        )
    return found
