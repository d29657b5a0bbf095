"""What is expected of known families is what transformers' own models have."""

import functools
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import torch

from jobs.errors import BadInputError
from jobs.ingest.complete import check_complete
from jobs.kinds.families import _LAYERS, Shape, expected_tensors
from jobs.kinds.safetensors_header import Tensor
from tests.jobs.fit.published import PUBLISHED

VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"attention_bias": True, "mlp_bias": True},
    {"num_key_value_heads": 1, "num_attention_heads": 4, "hidden_size": 64},
    {"head_dim": 96, "tie_word_embeddings": True},
    {"tie_word_embeddings": False},
)


def of_transformers(config: Any) -> dict[str, tuple[int, ...]]:
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    return {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("family", _LAYERS)
def test_names_and_shapes(family: str, variant: dict[str, Any]) -> None:
    from transformers import AutoConfig

    config = AutoConfig.for_model(family, num_hidden_layers=2, pad_token_id=None, **variant)
    assert expected_tensors(config.to_dict(), 2) == of_transformers(config)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [n for n, c in PUBLISHED.items() if c["model_type"] in _LAYERS])
def test_published_configs_that_leave_sizes_out(name: str) -> None:
    from transformers import AutoConfig

    config = {**PUBLISHED[name], "num_hidden_layers": 2}
    own = deepcopy(config)  # for_model writes into what it is given
    found, expected = expected_tensors(config, 2), of_transformers(AutoConfig.for_model(**own))
    assert found is not None
    assert found.keys() == expected.keys()
    for name, shape in found.items():
        assert all(size in (None, there) for size, there in zip(shape, expected[name], strict=True))


def tensors(shapes: dict[str, Shape]) -> dict[str, Tensor]:
    return {
        name: Tensor(name, "m", "BF16", tuple(size or 1 for size in shape), 0, 1)
        for name, shape in shapes.items()
    }


@functools.cache
def other_families() -> dict[str, tuple[dict[str, Any], dict[str, Tensor]]]:
    """Of families without a table: config and tensors, as files name them."""
    return dict(_others())


def _others() -> Iterator[tuple[str, tuple[dict[str, Any], dict[str, Tensor]]]]:
    from transformers import AutoConfig

    small = {"hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 2, "vocab_size": 9}
    for name in ("gpt_neox", "opt", "stablelm", "falcon", "starcoder2", "glm4", "phi"):
        config = AutoConfig.for_model(name, pad_token_id=None, **small)
        yield name, (config.to_dict(), tensors(dict(of_transformers(config))))
    config = AutoConfig.for_model("gpt2", n_layer=2, n_embd=8, n_head=2, vocab_size=9)
    yield "gpt2", (config.to_dict(), tensors(dict(of_transformers(config))))
    moe: dict[str, Shape] = {"model.embed_tokens.weight": (9, 8), "lm_head.weight": (9, 8)}
    for layer in range(3):
        experts = [""] if layer == 0 else [f"experts.{n}." for n in range(4)]
        for expert in experts:
            moe[f"model.layers.{layer}.mlp.{expert}up_proj.weight"] = (8, 8)
        if layer:
            moe[f"model.layers.{layer}.mlp.gate.weight"] = (4, 8)
    moe["model.layers.3.eh_proj.weight"] = (8, 8)
    told = {"model_type": "deepseek_v3", "num_hidden_layers": 3, "num_nextn_predict_layers": 1}
    yield "experts", (told, tensors(moe))


NAMES = ("gpt_neox", "opt", "stablelm", "falcon", "starcoder2", "glm4", "phi", "gpt2", "experts")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_other_families_are_whole_or_lack_something(name: str) -> None:
    config, model = other_families()[name]
    check_complete(config, model, "/m")
    numbered = [one for one in model if ".1." in one]
    for lost in ([numbered[0]], [numbered[-1]], numbered):
        left = {one: tensor for one, tensor in model.items() if one not in lost}
        with pytest.raises(BadInputError, match=r"/m (lacks|has no tensors of|: \S+ has)"):
            check_complete(config, left, "/m")
