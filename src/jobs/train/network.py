"""A model's network, filled by process 0 alone, a parameter at a time.

No process has a local copy of the model, or holds more of it than DeepSpeed leaves there: process 0
reads each tensor from the store once, and the others get it from there. What transformers would
make of the files (names, parts put together, what is missing) it says of tensors without values,
on torch's device meta (the outline).
"""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from transformers import AutoModelForCausalLM, PreTrainedConfig
from transformers.initialization import no_init_weights

from jobs.errors import BadInputError
from jobs.kinds.network import check_loaded, read_config, refusing
from jobs.train.files import TYPES, Files


class Network:
    """A network whose parameters have no values yet."""

    def __init__(
        self,
        files: Files,
        dtype: torch.dtype,
        attention: Callable[[PreTrainedConfig], str | None],
    ) -> None:
        """`attention` chooses its implementation; None: as transformers does.

        Raises BadInputError for a model that transformers cannot load whole.
        """
        self._model = files.model
        with tempfile.TemporaryDirectory() as scratch:
            config = read_config(files.model, files.tensors, Path(scratch))
        with refusing(files.model):
            with init_empty_weights(include_buffers=False), no_init_weights():
                self.module: Any = AutoModelForCausalLM.from_config(
                    config, dtype=dtype, attn_implementation=attention(config),
                    trust_remote_code=False,
                )  # fmt: skip
            self.module.tie_weights()
            self.outline, loading = type(self.module).from_pretrained(
                None,
                config=config,
                state_dict=_without_values(files),
                dtype=dtype,
                device_map={"": "meta"},
                trust_remote_code=False,
                output_loading_info=True,
            )
        check_loaded(files.model, loading)

    def set(self, name: str, parameter: torch.nn.Parameter) -> None:
        """In place of the parameter `name`, wherever it is used."""
        before = self.module.get_parameter(name)
        for module in self.module.modules():
            for attribute, one in module._parameters.items():
                if one is before:
                    module._parameters[attribute] = parameter

    def recompute_activations(self) -> None:
        """Keeps each layer's input alone for the way back, where the rest is computed again.

        Raises BadInputError for an architecture that cannot.
        """
        try:
            self.module.activation_checkpointing_enable()
        except ValueError as error:
            raise BadInputError(
                f"--activation-checkpointing: the architecture of {self._model.uri} cannot compute "
                "its layers again; leave it out (train.activation_checkpointing in the fleet file)"
            ) from error


def _without_values(files: Files) -> Mapping[str, torch.Tensor]:
    return {
        name: torch.empty(tensor.shape, dtype=TYPES[tensor.dtype], device="meta")
        for name, tensor in files.tensors.items()
    }
