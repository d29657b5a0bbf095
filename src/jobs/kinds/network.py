"""A model of the store as transformers' network, such that nothing in it runs, fetches or points.

Unpacked are the weights, index, config and tokenizer; no other file of the artifact lies in the
folder (an ``adapter_config.json`` there would load another base, a ``custom_generate`` run).
Of the config, what could name code, files, packages or kernels of the hub is never passed on:

    model_type                        refused unless transformers has a causal model of it built in
    quantization_config               refused: it imports packages, and sums of codes mean nothing
    auto_map, kernels, attention and  left out: transformers' own code and choice are taken
      experts implementations, paths,
      dtype, plans for many devices
    number of labels                  left out: each gets a name, and none is for a language model
    numbers of layers                 refused if larger than the number of tensors
    any other whole number            refused above `_MAX_NUMBER` (Llama 4 reads 10,485,760 tokens)
    what all sizes come to            refused if more than the tensors hold; counted on torch's
                                      device meta, which has no memory

What transformers then says of the rest ends as one line of BadInputError.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig, PreTrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError, PerennialError
from jobs.kinds.model import (
    CONFIG,
    INDEX,
    parameters,
    read_tensors,
    tokenizer_files,
    weight_files,
)
from jobs.kinds.safetensors_header import Tensor
from jobs.libraries import cause
from jobs.words import shown

MAX_CONFIG_BYTES = 2**24
SPARE_ELEMENTS = 2**27
"""Of buffers that are worked out and so lie in no file: masks, sines."""

_LEFT_OUT = frozenset({
    "auto_map", "custom_pipelines", "custom_generate", "attn_implementation",
    "experts_implementation", "use_kernels", "kernel_config", "fusion_config", "compile_config",
    "dtype", "torch_dtype", "name_or_path", "transformers_weights", "distributed_config",
    "tp_plan", "pp_plan", "base_model_tp_plan", "base_model_pp_plan", "base_model_fsdp_plan",
    "adapter_kwargs", "base_model_name_or_path", "_from_auto", "num_labels",
})  # fmt: skip
_REFUSED = ("quantization_config", "compression_config")
_KEPT_PRIVATE = "_sliding_window_pattern"  # Gemma 3's, of the architecture
# Of what takes time or memory before it could be counted on the device meta.
_NUMBER_OF_LAYERS = re.compile(r"^(?!max_)(.*_)?((layers|blocks|cycles)(_.*)?|layer)$")
_MAX_NUMBER = 2**26


def load_network(
    model: Artifact,
    scratch: Path,
    dtype: torch.dtype,
    generation: GenerationConfig | None = None,
) -> Any:
    """The network in `dtype` on the CPU; `scratch` then holds its files and those of its tokenizer.

    Raises BadInputError: a config that cannot be taken, or weights that it asks for and that are
    not there, as those would be made up at random.
    """
    tensors = read_tensors(model)
    config = read_config(model, tensors, scratch)
    model.local_copy(scratch, {*weight_files(model), INDEX, *tokenizer_files(model)})
    with refusing(model):
        network, loading = AutoModelForCausalLM.from_pretrained(
            scratch,
            config=config,
            dtype=dtype,
            generation_config=generation or GenerationConfig(),
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    check_loaded(model, loading)
    return network


def read_config(model: Artifact, tensors: Mapping[str, Tensor], scratch: Path) -> PreTrainedConfig:
    """The config, which is written to `scratch`, too. Raises BadInputError for what is refused."""
    values = harmless_config(model, len(tensors))
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / CONFIG).write_text(json.dumps(values))
    with refusing(model):
        config = AutoConfig.from_pretrained(scratch, local_files_only=True, trust_remote_code=False)
        _check_size(model, config, parameters(tensors.values()))
    found: PreTrainedConfig = config
    return found


def check_loaded(model: Artifact, loading: Mapping[str, Any]) -> None:
    """Raises BadInputError where weights are missing: they would be made up at random."""
    if loading["missing_keys"]:
        missing = ", ".join(sorted(loading["missing_keys"])[:5])
        raise BadInputError(f"{model.uri} lacks weights that its config asks for: {missing}")


def harmless_config(model: Artifact, num_tensors: int) -> dict[str, Any]:
    """The config without what is never passed on. Raises BadInputError for what is refused."""
    where = f"{model.uri}/{CONFIG}"
    values = model.read_json(CONFIG, MAX_CONFIG_BYTES)
    if type(values) is not dict:
        raise BadInputError(f"{where} is {shown(values)}; expected an object")
    model_type = values.get("model_type")
    if type(model_type) is not str or model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        code = "; code of its own (auto_map) is never run" if "auto_map" in values else ""
        raise BadInputError(
            f"{where} names the model type {shown(model_type)}, of which transformers has no "
            f"causal language model built in{code}"
        )
    for field, number in _integers(values):
        if _NUMBER_OF_LAYERS.search(field) and number > num_tensors:
            raise BadInputError(
                f"{where} says {shown(field)}: {shown(number)}, "
                f"but its files hold {num_tensors} tensors"
            )
        if number > _MAX_NUMBER:
            raise BadInputError(
                f"{where} says {shown(field)}: {shown(number)}; expected at most {_MAX_NUMBER}"
            )
    return _harmless(values, where)


@contextmanager
def refusing(
    artifact: Artifact,
    what: str = "is no model that can be loaded",
    fix: str = "ingest one that transformers loads",
) -> Iterator[None]:
    """What a library says of an artifact that it cannot take, as one line."""
    try:
        yield
    except (PerennialError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # there is no end to what transformers raises of a wrong config
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise BadInputError(f"{artifact.uri} {what}: {cause(error)}; {fix}") from error


def _harmless(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """A config, or one within it, without what could name code, files, packages or kernels."""
    kept = {}
    for field, value in values.items():
        if field in _REFUSED and value is not None:
            raise BadInputError(f"{where} has {field}; quantized models are not taken")
        if field in _LEFT_OUT or (field.startswith("_") and field != _KEPT_PRIVATE):
            continue
        kept[field] = _harmless(value, where) if type(value) is dict else value
    return kept


def _integers(values: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Every field that is an integer, of the configs within a config too."""
    for field, value in values.items():
        if type(value) is int:
            yield field, value
        elif type(value) is dict:
            yield from _integers(value)


def _check_size(model: Artifact, config: PreTrainedConfig, there: int) -> None:
    """Raises BadInputError where the network would be far larger than the elements that are there.

    A few weights too many are named later, when they are found to be missing.
    """
    with torch.device("meta"):
        network = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    elements = sum(tensor.numel() for tensor in (*network.parameters(), *network.buffers()))
    if elements > 2 * there + SPARE_ELEMENTS:
        raise BadInputError(
            f"{model.uri}/{CONFIG} describes {elements} weights, but its files hold {there}"
        )
