"""Hostile models as networks: one line, or without effect; nothing runs, is fetched, or is huge."""

import ast
import json
import socket
from pathlib import Path
from typing import Any

import pytest
import torch

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.network import load_network
from tests.support.paths import ROOT
from tests.support.pico import commit, write_llama

CODE = "import pathlib; pathlib.Path({!r}).touch()\nclass Config: pass\nclass Model: pass\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Of a Llama of two layers: 2 · 9 + 3 tensors."""
    folder = write_llama(tmp_path_factory.mktemp("llama"))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def load(folder: Path, files: dict[str, bytes], config: object, **more: bytes) -> Any:
    """The network, for a config with these changes (or this one, if it is no object)."""
    if isinstance(config, dict):
        config = json.loads(files["config.json"]) | config
    changed = {**files, "config.json": json.dumps(config).encode(), **more}
    model = commit(str(folder / "model"), "model", changed)
    with torch.no_grad():
        return load_network(Artifact.open(model.uri), folder / "scratch", torch.float32)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ([], "expected an object"),
        ({"model_type": None}, "names the model type None"),
        ({"model_type": ["llama"]}, "names the model type a list of 1"),
        ({"model_type": "llama\n\x1b[2J"}, r"model type 'llama\\n\\x1b\[2J'"),
        ({"model_type": "own", "auto_map": {"AutoConfig": "c.C"}}, "is never run"),
        ({"model_type": "clip"}, "no causal language model built in"),
        ({"model_type": "gpt2"}, "lacks weights that its config asks for"),
        ({"model_type": "timm_wrapper"}, "no causal language model built in"),
        ({"quantization_config": {"quant_method": "awq"}}, "quantized models are not taken"),
        ({"nested": {"quantization_config": {}}}, "quantized models are not taken"),
        ({"num_hidden_layers": 10**7}, "'num_hidden_layers': 10000000, but its files hold 21"),
        ({"num_hidden_layers": 22}, "'num_hidden_layers': 22, but its files hold 21 tensors"),
        ({"text_config": {"n_layer": 10**9}}, "'n_layer': 1000000000, but its files hold 21"),
        ({"num_layers_per_stack": 10**7}, "'num_layers_per_stack': 10000000, but its files"),
        ({"max_position_embeddings": 10**12}, "expected at most 67108864"),
        ({"hidden_size": 2**26 + 1}, "says 'hidden_size': 67108865; expected at most 67108864"),
        ({"text_config": {"head_dim": 2**63}}, "expected at most 67108864"),
        ({"H_cycles": 22}, "'H_cycles': 22, but its files hold 21 tensors"),
        ({"num_hidden_layers": 3}, r"lacks weights that its config asks for: model\.layers\.2"),
        ({"num_hidden_layers": "two"}, "num_hidden_layers has a value that cannot be"),
        ({"num_hidden_layers": 1.5}, "can be loaded"),
        ({"hidden_size": 2**26}, "describes .* weights, but its files hold"),
        ({"vocab_size": 2**26}, "describes .* weights, but its files hold"),
        ({"intermediate_size": 2**24}, "describes .* weights, but its files hold"),
        ({"hidden_size": -16}, "can be loaded"),
        ({"num_attention_heads": 0}, "can be loaded"),
        ({"num_attention_heads": 3}, "can be loaded"),
        ({"num_key_value_heads": {}}, "can be loaded"),
        ({"head_dim": -8}, "can be loaded"),
        ({"hidden_act": "__import__"}, "can be loaded"),
        ({"hidden_act": ["silu"]}, "can be loaded"),
        ({"rope_parameters": {"rope_type": "own", "rope_theta": 1}}, "can be loaded"),
        ({"rope_parameters": "default"}, "can be loaded"),
        ({"rope_scaling": {"rope_type": "yarn", "factor": "x"}}, "can be loaded"),
        ({"vocab_size": 31}, "can be loaded"),
        ({"pad_token_id": 10**6}, "can be loaded"),
        ({"id2label": {"x": 1}}, "can be loaded"),
        ({"per_layer_config": {"0": {"hidden_size": "x"}}}, "can be loaded"),
    ],
)
def test_refused_in_one_line(
    tmp_path: Path, files: dict[str, bytes], config: Any, said: str
) -> None:
    with pytest.raises(BadInputError, match=said) as caught:
        load(tmp_path, files, config)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "config",
    [
        {"auto_map": {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}},
        {"auto_map": {"AutoModelForCausalLM": "else/where--own.Model"}},
        {"auto_map": {}},
        {"auto_map": "own.Model"},
        {"attn_implementation": "kernels-community/flash-attn"},
        {"_attn_implementation": "else/where@v1:kernel"},
        {"_attn_implementation_internal": "kernels-community/flash-attn"},
        {"experts_implementation": "else/where"},
        {"use_kernels": True, "kernel_config": {"RMSNorm": "else/where:Norm"}},
        {"_name_or_path": "else/where", "name_or_path": "else/where"},
        {"base_model_name_or_path": "else/where"},
        {"transformers_weights": "../other.safetensors"},
        {"custom_generate": "else/where", "custom_pipelines": {"x": {"impl": "own.Pipe"}}},
        {"dtype": "nonsense", "torch_dtype": "load"},
        {"architectures": ["GPT2LMHeadModel"]},
        {"architectures": ["own.Model"], "transformers_version": "99.0"},
        {"tp_plan": "auto", "distributed_config": {"tp_size": 8}},
        {"penalty_alpha": 0.6, "top_k": 4, "dola_layers": "high"},
        {"quantization_config": None},
        {"num_labels": 2**26},
        {"fusion_config": {"patch_embeddings": True}},
    ],
)
def test_without_effect(
    tmp_path: Path,
    files: dict[str, bytes],
    config: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beside code that would leave a mark and an adapter of another base, and with no network."""
    mark = tmp_path / "ran"

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    code = CODE.format(str(mark)).encode()
    adapter = json.dumps({"base_model_name_or_path": "else/where", "peft_type": "LORA"}).encode()
    more = {
        "own.py": code, "custom_generate/generate.py": code, "adapter_config.json": adapter,
    }  # fmt: skip
    network = load(tmp_path, files, config, **more)
    assert type(network).__module__ == "transformers.models.llama.modeling_llama"
    assert network.dtype == torch.float32
    assert network.config._attn_implementation == "sdpa"
    assert not mark.exists()
    there = {path.name for path in (tmp_path / "scratch").iterdir()}
    assert there == {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}


def test_remote_code_is_refused_wherever_the_sources_load_something() -> None:
    loaders = {"from_pretrained", "from_config", "HFLM", "LanguageModel", "load_dataset"}
    wrong, seen = [], 0
    for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "pipelines").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                given = {word.arg: ast.unparse(word.value) for word in node.keywords}
                if name in loaders:
                    seen += 1
                if given.get("trust_remote_code", "True") != "False" and (
                    name in loaders or "trust_remote_code" in given
                ):
                    wrong.append(f"{path}:{node.lineno}")
    assert wrong == []
    assert seen >= 6
