"""What comes out of ingest has one form, whatever the form it came in."""

import json
from pathlib import Path

import pytest
import torch

from tests.jobs.ingest.sources import (
    INDEX,
    ONE,
    SINGLE,
    TWO,
    Change,
    both,
    changed,
    ingest,
    put,
    settings,
    sharded,
    tensors_of,
    without,
    write_index,
)


def keeps_index_without_metadata(folder: Path) -> None:
    write_index(folder, sharded(folder))


def keeps_index_of_lies(folder: Path) -> None:
    write_index(folder, sharded(folder), metadata={"total_size": -1})


def shards_without_index(folder: Path) -> None:
    sharded(folder, index=False)


def shards_of_other_names(folder: Path) -> None:
    weight_map = sharded(folder)
    (folder / ONE).rename(folder / "model-a.safetensors")
    new = {n: "model-a.safetensors" if f == ONE else f for n, f in weight_map.items()}
    write_index(folder, new, metadata={})


def stale_shards(folder: Path) -> None:
    sharded(folder)
    put(folder, {"old": torch.ones(1)}, "model-00001-of-00003.safetensors")
    put(folder, {"x": torch.ones(1)}, "consolidated.safetensors")


@pytest.mark.parametrize(
    "change",
    [keeps_index_without_metadata, keeps_index_of_lies, shards_without_index,
     shards_of_other_names, stale_shards],
)  # fmt: skip
def test_shards_come_out_in_one_form_that_transformers_loads(
    source: Path, folder: Path, tmp_path: Path, change: Change
) -> None:
    from transformers import AutoModelForCausalLM

    change(folder)
    model = ingest(folder, tmp_path / "out")
    weights = [path for path in model.paths if path.endswith(".safetensors")]
    assert weights == [ONE, TWO]
    index = model.read_json(INDEX)
    expected = tensors_of(source)
    assert index["metadata"] == {"total_size": sum(t.nbytes for t in expected.values())}
    assert index["weight_map"].keys() == expected.keys()
    loaded = AutoModelForCausalLM.from_pretrained(
        model.local_copy(tmp_path / "copy"), dtype=torch.bfloat16
    ).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in expected.items())


def test_an_index_of_one_file_is_left_out(folder: Path, tmp_path: Path) -> None:
    write_index(folder, dict.fromkeys(tensors_of(folder), SINGLE))
    model = ingest(folder, tmp_path / "out")
    assert INDEX not in model
    assert SINGLE in model


def test_a_tied_model_with_or_without_its_head(folder: Path, tmp_path: Path) -> None:
    tie = settings(tie_word_embeddings=True)
    both(tie, changed(lambda t: t.update({"lm_head.weight": t["model.embed_tokens.weight"]})))(
        folder
    )
    ingest(folder, tmp_path / "with")
    without("lm_head.weight")(folder)
    ingest(folder, tmp_path / "without")


@pytest.mark.parametrize(
    ("said", "field"), [("float32", "torch_dtype"), ("float16", "dtype"), ("auto", "dtype")]
)
def test_the_config_says_the_type_that_the_weights_have(
    folder: Path, tmp_path: Path, said: str, field: str
) -> None:
    both(settings(dtype=..., torch_dtype=...), settings("config.json", **{field: said}))(folder)
    before = json.loads((folder / "config.json").read_text())
    model = ingest(folder, tmp_path / "out")
    assert model.read_json("config.json") == {**before, field: "bfloat16"}
    assert model.statistics["config_said"] == f"{field} '{said}'"


def test_the_type_of_most_elements_counts(folder: Path, tmp_path: Path) -> None:
    changed(lambda tensors: tensors.update(
        {"model.norm.weight": tensors["model.norm.weight"].float()}))(folder)  # fmt: skip
    model = ingest(folder, tmp_path / "out")
    assert model.read("config.json") == (folder / "config.json").read_bytes()


def test_old_constants_are_no_matter(folder: Path, tmp_path: Path) -> None:
    changed(lambda tensors: tensors.update(
        {"model.layers.1.self_attn.rotary_emb.inv_freq": torch.ones(4)}))(folder)  # fmt: skip
    ingest(folder, tmp_path / "out")
