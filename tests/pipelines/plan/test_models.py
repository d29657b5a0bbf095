# ruff: noqa: E501
"""What is known of models, from each place it is known from, and from places that lie."""

import json
import os
import struct
import time
from pathlib import Path
from typing import Any

import pytest

from jobs.artifacts.manifest import Work
from jobs.artifacts.writing import ArtifactWriter
from jobs.store.prefix import Prefix
from pipelines.fleet.reading import read_fleet
from pipelines.plan.models import FleetModel, ModelFacts, fleet_models, know_models
from pipelines.plan.sizes import parameters_of_config, parameters_of_name
from tests.pipelines.conftest import WriteFleet
from tests.pipelines.plan.conftest import LLAMA, LLAMA_PARAMETERS, WriteWeights
from tests.support.hub import Hub


def model(source: object, parameters: int | None = None) -> FleetModel:
    return FleetModel("pico", "base", str(source), None, parameters, ())


def facts(
    source: object, store: object = "/nowhere", parameters: int | None = None, seconds: float = 30
) -> ModelFacts:
    (known,) = know_models([model(source, parameters)], str(store), seconds).values()
    return known


def known(found: ModelFacts) -> tuple[int | None, str | None]:
    return found.parameters, found.known_from


def test_the_models_of_a_fleet(write_fleet: WriteFleet, tmp_path: Path) -> None:
    path = write_fleet("from: owner/older-instruct", "from: owner/older-instruct, parameters: 8B")
    found = fleet_models(read_fleet(path))
    assert [(m.label, m.source, m.revision, m.parameters, m.location) for m in found] == [
        ("pico/base", str(tmp_path / "family/base"), None, None, ("families", 0, "base")),
        ("pico/instruct", "owner/pico-1B-instruct", "abc", None, ("families", 0, "instruct")),
        ("pico/chatty", "owner/chatty", None, None, ("families", 0, "derived", 0)),
        ("pico/older-base", "owner/older", None, None, ("families", 0, "siblings", 0, "base")),
        ("pico/older-instruct", "owner/older-instruct", None, 8 * 10**9, ("families", 0, "siblings", 0, "instruct")),
        ("nano/base", "owner/nano-8B", None, None, ("families", 1, "base")),
        ("nano/instruct", "owner/nano-8B-instruct", None, None, ("families", 1, "instruct")),
    ]  # fmt: skip
    assert found[2].uri("s3://b/x") == "s3://b/x/models/pico/chatty"


def test_the_store_comes_first(tmp_path: Path, write_weights: WriteWeights) -> None:
    write_weights(tmp_path / "folder/model.safetensors")
    work = Work(kind="model", producer="ingest 2", settings={}, inputs={})
    writer = ArtifactWriter(Prefix(str(tmp_path / "store/models/pico/base")), work, {})
    writer.write("model.safetensors", bytes(100))
    writer.write("config.json", b'{"vocab_size": 7}')
    writer.write("tokenizer.json", bytes(9))
    writer.commit({"parameters": 1234})
    found = facts(tmp_path / "folder", tmp_path / "store")
    assert known(found) == (1234, "store")
    assert (found.weight_bytes, found.bytes_to_fetch) == (100, 0)
    assert found.config == {"vocab_size": 7}
    assert found.manifest


def test_a_folder_is_counted_by_its_headers(tmp_path: Path, write_weights: WriteWeights) -> None:
    """Files that no index names are no part of the model; nor is what ingest does not take."""
    one = write_weights(tmp_path / "model-00001-of-00002.safetensors", (3, 5), "F32")
    two = write_weights(tmp_path / "model-00002-of-00002.safetensors", (7,), "F32")
    write_weights(tmp_path / "consolidated.safetensors", (1000,))
    (tmp_path / "config.json").write_text('{"vocab_size": 3}')
    sizes = one.stat().st_size + two.stat().st_size
    for _ in range(2):
        found = facts(tmp_path)
        assert known(found) == (15 + 7, "folder")
        assert (found.weight_bytes, found.bytes_to_fetch) == (sizes, 0)
        assert found.config == {"vocab_size": 3}
        assert found.problem == f"{tmp_path} has no tokenizer: expected tokenizer.json"
        index = {"weight_map": {"a": one.name, "b": two.name}}
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
        write_weights(tmp_path / "model-old.safetensors", (1000,))


def test_gigabytes_take_no_time(tmp_path: Path, write_weights: WriteWeights) -> None:
    for number in range(1, 5):
        write_weights(tmp_path / f"model-{number:05d}-of-00004.safetensors", (2**31,))
    begun = time.monotonic()
    assert known(facts(tmp_path)) == (4 * 2**31, "folder")
    assert time.monotonic() - begun < 1


def test_the_hub_is_asked_once_for_each_model(hub: Hub) -> None:
    shards = {
        "model-1.safetensors": 10**9,
        "model-2.safetensors": 500,
        "original/model.safetensors": 7,
    }
    hub.holds("meta/x", LLAMA_PARAMETERS, shards, **LLAMA)
    hub.holds("meta/y", 5, {"model.safetensors": 10, "pytorch_model.bin": 10})
    models = [
        model("meta/x"),
        FleetModel("nano", "base", "meta/x", None, None, ()),
        model("meta/y"),
    ]
    found = know_models(models, "/nowhere", 30)
    for one in models[:2]:
        assert known(found[one]) == (LLAMA_PARAMETERS, "hub")
        assert (found[one].weight_bytes, found[one].bytes_to_fetch) == (10**9 + 500,) * 2
        assert found[one].config == LLAMA
    assert known(found[models[2]]) == (5, "hub")
    assert found[models[2]].config is None
    assert len([path for path in hub.asked if path.startswith("/api/models")]) == 2


def test_what_the_hub_refuses(hub: Hub) -> None:
    """A gate keeps the config, not the metadata; one that is missing hides no other."""
    hub.holds("meta/gated", 77, {"model.safetensors": 154}, **LLAMA)
    hub.answers["/meta/gated/resolve/0abc/config.json"] = (403, b"")
    hub.holds("meta/there", 5, {"model.safetensors": 10})
    hub.holds("meta/odd", 5, {"model.safetensors": 10}, a=1)
    hub.answers["/meta/odd/resolve/0abc/config.json"] = (200, b"[" * 5000)
    hub.answers["/api/models/meta/page"] = (200, b"<html>please log in")
    hub.answers["/api/models/meta/ill-8B"] = (500, b"")
    names = ["meta/gated", "meta/missing", "meta/there", "meta/page", "meta/ill-8B", "meta/odd"]
    gated, missing, there, page, ill, odd = know_models(
        [*map(model, names)], "/nowhere", 30
    ).values()
    assert (known(gated), gated.config) == ((77, "hub"), None)
    assert gated.problem == "meta/gated is gated: accept its licence on the hub and set HF_TOKEN"
    assert (
        missing.problem
        == "the hub has no model meta/missing, or it is private and HF_TOKEN is not set"
    )
    assert (known(there), there.problem) == ((5, "hub"), "")
    assert page.problem.startswith("what answers for meta/page is no hub")
    assert (known(ill), ill.problem) == ((8 * 10**9, "name"), "")
    assert ill.unanswered.startswith("the hub failed for meta/ill-8B: ")
    assert "meta/odd/config.json is not JSON that can be read: it nests too deep" in odd.problem


def test_a_hub_that_does_not_answer_is_not_waited_for(hub: Hub) -> None:
    hub.wait_seconds = 1
    begun = time.monotonic()
    found = know_models([model(f"meta/x-{number}B") for number in range(1, 9)], "/nowhere", 0.2)
    assert time.monotonic() - begun < 0.9
    assert [known(one)[0] for one in found.values()] == [number * 10**9 for number in range(1, 9)]
    assert {one.unanswered for one in found.values()} == {"the hub did not answer within 0.2 s"}


def test_without_a_hub(tmp_path: Path) -> None:
    """The fleet file, then the config, then the name."""
    offline = facts("meta/Llama-3-8B")
    assert (known(offline), offline.bytes_to_fetch) == ((8 * 10**9, "name"), None)
    assert offline.unanswered == "HF_HUB_OFFLINE forbids to ask the hub"
    folder = tmp_path / "x-9B"
    folder.mkdir()
    assert known(facts(folder)) == (9 * 10**9, "name")
    (folder / "config.json").write_text(json.dumps(LLAMA))
    assert known(facts(folder)) == (LLAMA_PARAMETERS, "config")
    assert known(facts(folder, parameters=3)) == (3, "fleet file")


@pytest.mark.parametrize(
    ("change", "parameters"),
    [
        ({}, LLAMA_PARAMETERS),
        ({"tie_word_embeddings": True}, LLAMA_PARAMETERS - 128256 * 4096),
        ({"num_hidden_layers": 0}, 2 * 128256 * 4096 + 4096),
        ({"num_hidden_layers": 10**30}, 2 * 128256 * 4096 + 4096 + 218_112_000 * 10**30),
        ({"num_hidden_layers": "32"}, None), ({"num_hidden_layers": -1}, None),
        ({"num_hidden_layers": True}, None), ({"model_type": "unheard-of"}, None),
        ({"model_type": []}, None), ({"num_key_value_heads": None}, None),
        ({"tie_word_embeddings": "yes"}, None), ({"hidden_size": 1.5}, None),
    ],
)  # fmt: skip
def test_the_size_in_a_config(change: dict[str, Any], parameters: int | None) -> None:
    assert parameters_of_config({**LLAMA, **change}) == parameters


@pytest.mark.parametrize(
    ("source", "parameters"),
    [
        ("Qwen/Qwen2.5-0.5B", 500_000_000), ("meta-llama/Meta-Llama-3-8B-Instruct", 8 * 10**9),
        ("google/gemma-2-2b-it", 2 * 10**9), ("HuggingFaceTB/SmolLM2-135M", 135 * 10**6),
        ("cerebras/Llama3-DocChat-1.0-8B", 8 * 10**9), ("01-ai/Yi-34B-200K", 34 * 10**9),
        ("Qwen/Qwen3-30B-A3B", 30 * 10**9), ("/models/llama-13b/", 13 * 10**9),
        ("owner/x-7B_v2", 7 * 10**9),
        # Experts share layers; no size; a size of bits, of context or of the owner; two sizes.
        ("mistralai/Mixtral-8x7B-v0.1", None), ("microsoft/phi-3.5-mini-instruct", None),
        ("owner/llama-4bit", None), ("owner/phi-3-mini-4k", None), ("13B/model", None),
        ("owner/big-70B-to-8B", None), ("owner/x-0B", None), ("owner/x-" + "9" * 400 + "B", None),
        ("x" * 5000, None), ("owner/x-٣B", None), ("a\0b", None), ("", None), ("/", None),
    ],
)  # fmt: skip
def test_the_size_in_a_name(source: str, parameters: int | None) -> None:
    assert parameters_of_name(source) == parameters


def header(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (struct.pack("<Q", 2**63) + b"{}", "is no safetensors file: a header of 9223372036854775808"),
        (b"\xff" * 8, "is no safetensors file"),
        (b"", "is no safetensors file: 0 bytes"),
        (header(b"[]"), "is no safetensors file"),
        (header(b'{"a":1}'), "has a wrong safetensors header"),
        (header(b'{"a":{},"a":{}}'), "stands twice"),
        (header(b'{"a":' + b"[" * 5000), "nests too deep"),
        (header(json.dumps({"a": {"dtype": "F32", "shape": ["x"], "data_offsets": [0, 4]}}).encode()), "a wrong"),
    ],
)  # fmt: skip
def test_weights_that_lie(tmp_path: Path, data: bytes, says: str) -> None:
    (tmp_path / "model.safetensors").write_bytes(data)
    found = facts(tmp_path, parameters=8)
    assert known(found) == (8, "fleet file")
    assert says in found.problem
    assert "\n" not in found.problem


def test_weights_that_are_cut(tmp_path: Path, write_weights: WriteWeights) -> None:
    file = write_weights(tmp_path / "model.safetensors", (2**30,), cut=100)
    size = file.stat().st_size
    assert facts(tmp_path).problem == f"{file} has {size} bytes, its header says {size + 100}"
    (tmp_path / "model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "model-2.safetensors"}}'
    )
    assert "lists 'model-2.safetensors', which" in facts(tmp_path).problem


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("config.json", "[" * 5000, "config.json is not JSON that can be read: it nests too deep"),
        ("config.json", "\x00", "config.json is not JSON: "),
        ("model.safetensors.index.json", "[]", "has no weight_map"),
        (
            "model.safetensors.index.json",
            '{"weight_map": {"a": "../../x"}}',
            "lists '../../x', which",
        ),
    ],
)
def test_json_that_lies(tmp_path: Path, file: str, text: str, says: str) -> None:
    (tmp_path / file).write_text(text)
    assert says in facts(tmp_path).problem


def test_what_is_no_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model-a.safetensors")
    (tmp_path / "model-b.safetensors").mkdir()
    (tmp_path / "model-c.safetensors").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "config.json")
    found = facts(tmp_path)
    assert found.problem.startswith(f"{tmp_path} is no model: no file lies right below it; ")
    assert found == ModelFacts(bytes_to_fetch=0, problem=found.problem)


@pytest.mark.parametrize("source", ["/not/there", "x", "a\0b", "./" + "x" * 300, "a/b/c", "-x/y"])
def test_what_names_nothing(source: str) -> None:
    found = facts(source)
    assert (found.parameters, found.bytes_to_fetch) == (None, 0)
    assert "is neither a folder nor a hub id (owner/name), nor a URI such as s3:" in found.problem


def test_an_altered_manifest_hides_no_other(tmp_path: Path, write_weights: WriteWeights) -> None:
    write_weights(tmp_path / "folder/model.safetensors")
    manifest = tmp_path / "store/models/pico/base/manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{}")
    models = [
        model(tmp_path / "folder"),
        FleetModel("nano", "base", str(tmp_path / "folder"), None, None, ()),
    ]
    altered, other = know_models(models, str(tmp_path / "store")).values()
    assert "manifest.json is not a manifest" in altered.problem
    assert known(other) == (15, "folder")
