"""Configs that are refused, how differences are told and allowed, and the candidate's config."""

from typing import Any

import pytest

from jobs.errors import BadInputError
from jobs.fit.configuration import DifferingConfigsError, check_configs, merged_config
from tests.jobs.fit.published import GPT_2, LLAMA_3, LLAMA_3_1, PHI_3, Config


def test_long_values_are_shown_where_they_differ() -> None:
    scaling = PHI_3["rope_scaling"] | {"short_factor": [1.1] * 47 + [2.5]}
    with pytest.raises(BadInputError) as caught:
        check_configs({"base": PHI_3, "onto": PHI_3 | {"rope_scaling": scaling}}, ())
    message = str(caught.value)
    assert "1.1, 1.1, 1.1, 1.1]} in --base" in message.replace("…", "")
    assert "1.1, 1.1, 1.1, 2.5]} in --onto" in message.replace("…", "")
    assert len(message) < 500


@pytest.mark.parametrize("name", ["rope_scalling", "rope_scale", "rope_parameters"])
def test_a_misspelt_allowance_is_told_beside_the_field_that_it_meant(name: str) -> None:
    stretched = LLAMA_3 | {"rope_scaling": {"type": "linear", "factor": 2.0}}
    with pytest.raises(DifferingConfigsError) as caught:
        check_configs({"base": LLAMA_3, "onto": stretched}, [name, "sliding_window"])
    assert str(caught.value) == (
        "the models' config.json differ: rope_scaling is absent in --base, "
        f'{{"factor": 2.0, "rope_type": "linear"}} in --onto; {name!r} in allow_config is no '
        "field of theirs (rope_scaling is); between versions of one architecture this is "
        "harmless; allow it: merge: {allow_config: [rope_scaling, sliding_window]} in the fleet "
        "file (--allow-config rope_scaling,sliding_window)"
    )


WINDOWS = ["full_attention", "sliding_attention"] * 16


@pytest.mark.parametrize(
    ("changes", "graver"),
    [
        ({"max_position_embeddings": 1, "rope_scaling": {"type": "linear", "factor": 2.0}}, []),
        ({"sliding_window": 512, "max_window_layers": 3, "layer_types": WINDOWS}, []),
        ({"layer_types": [*WINDOWS[1:], "linear_attention"]}, ["layer_types"]),
        ({"rope_theta": 1e6, "rms_norm_eps": 1.0}, ["rms_norm_eps", "rope_theta"]),
    ],
)
def test_what_is_known_to_be_harmless(changes: Config, graver: list[str]) -> None:
    with pytest.raises(DifferingConfigsError) as caught:
        check_configs({"base": LLAMA_3, "onto": LLAMA_3 | changes}, ())
    assert caught.value.graver == graver
    assert caught.value.allow == sorted(changes)
    assert ("allow_config: [" in str(caught.value)) == (not graver)


def test_the_allowances_of_a_fleet_serve_families_without_the_field() -> None:
    names = ["rope_scaling", "sliding_window", "of_another_family", "rope_parameters"]
    assert check_configs({"base": GPT_2, "onto": GPT_2}, names) == {}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (["a list"], "config.json of --onto is not an object"),
        (None, "config.json of --onto is not an object"),
        (LLAMA_3 | {"quantization_config": {"bits": 4}}, "quantised model cannot be added to"),
        (LLAMA_3 | {"text_config": {"hidden_size": 8}}, "several modalities is not supported"),
        (LLAMA_3 | {"rope_scaling": "dynamic"}, "rope settings that are no object: 'dynamic'"),
        (LLAMA_3 | {"rope_parameters": [1]}, "rope settings that are no object"),
    ],
)
def test_configs_that_are_not_supported_are_refused(config: Any, said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        check_configs({"base": LLAMA_3, "onto": config}, ())


@pytest.mark.parametrize(
    "changes",
    [
        {"model_type": ["llama"], "num_hidden_layers": "many"},
        {"num_hidden_layers": 10**15, "sliding_window_pattern": 0},
        {"num_attention_heads": 0, "hidden_size": None},
        {"layer_types": "all", "sliding_window_pattern": 1.5},
        {"rope_parameters": {"full_attention": {}, "sliding_attention": None}},
        {"rope_scaling": {"rope_type": None, "factor": {}}},
        {"rope_scaling": {"rope_type": ["llama3"]}, "max_position_embeddings": "long"},
        {"use_sliding_window": "yes", "sliding_window": [], "max_window_layers": {}},
    ],
)
def test_values_of_wrong_types_are_differences_not_crashes(changes: Config) -> None:
    with pytest.raises(BadInputError, match="json differ"):
        check_configs({"base": LLAMA_3, "onto": LLAMA_3 | changes}, ())


def test_the_candidate_takes_what_concerns_chat_from_instruct() -> None:
    onto = LLAMA_3_1 | {"use_cache": False, "max_length": 20, "auto_map": {"AutoModel": "x.Y"}}
    instruct = LLAMA_3 | {
        "eos_token_id": [128001, 128009], "pad_token_id": 128004, "temperature": 0.6,
        "torch_dtype": "float32",
    }  # fmt: skip
    merged = merged_config(onto, instruct, None)
    expected = LLAMA_3_1 | {
        "eos_token_id": [128001, 128009], "pad_token_id": 128004, "temperature": 0.6,
    }  # fmt: skip
    del expected["_name_or_path"]
    assert merged == expected
    assert list(merged) == [*(n for n in LLAMA_3_1 if n in merged), "pad_token_id", "temperature"]
    assert onto["use_cache"] is False
    assert merged_config(onto, instruct, 128264) == expected | {"vocab_size": 128264}
