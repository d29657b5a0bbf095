"""What is not whole is refused by ingest, with the fix."""

import json
import re
from pathlib import Path

import pytest
import torch

from jobs.errors import BadInputError
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

LAYER = "model.layers.1"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
DOWN = f"{LAYER}.mlp.down_proj.weight"


def only(name: str) -> Change:
    """A tokenizer of another form in place of tokenizer.json."""

    def alter(folder: Path) -> None:
        (folder / "tokenizer.json").unlink()
        (folder / name).write_bytes(b"\x0a")

    return alter


def renamed(name: str) -> Change:
    def alter(folder: Path) -> None:
        (folder / SINGLE).rename(folder / name)

    return alter


def removed(*names: str) -> Change:
    def alter(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return alter


def shards(spoil: Change) -> Change:
    def alter(folder: Path) -> None:
        sharded(folder)
        spoil(folder)

    return alter


def listed(**files: str) -> Change:
    def alter(folder: Path) -> None:
        weight_map = json.loads((folder / INDEX).read_text())["weight_map"]
        write_index(folder, {**weight_map, **{n.replace("__", "."): f for n, f in files.items()}})

    return alter


def in_both_shards(folder: Path) -> None:
    norm = {"model.norm.weight": tensors_of(folder, TWO)["model.norm.weight"]}
    put(folder, {**tensors_of(folder, ONE), **norm}, ONE)


def token(id_: int, *, special: bool = True) -> Change:
    def alter(folder: Path) -> None:
        tree = json.loads((folder / "tokenizer.json").read_text())
        tree["added_tokens"].append({"id": id_, "content": "<more>", "special": special})
        (folder / "tokenizer.json").write_text(json.dumps(tree))

    return alter


def around(token: str, id_: int) -> Change:
    """A token that the tokenizer puts before each text."""

    def alter(folder: Path) -> None:
        tree = json.loads((folder / "tokenizer.json").read_text())
        special = {token: {"id": token, "ids": [id_], "tokens": [token]}}
        template = {"type": "TemplateProcessing", "special_tokens": special}
        tree["post_processor"] = {"type": "Sequence", "processors": [template]}
        (folder / "tokenizer.json").write_text(json.dumps(tree))

    return alter


def dropout(share: float) -> Change:
    def alter(folder: Path) -> None:
        tree = json.loads((folder / "tokenizer.json").read_text())
        tree["model"]["dropout"] = share
        (folder / "tokenizer.json").write_text(json.dumps(tree))

    return alter


def written(name: str, data: bytes) -> Change:
    def alter(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)

    return alter


REFUSED: dict[str, tuple[Change, str]] = {
    "SentencePiece alone": (only("tokenizer.model"), "'tokenizer.model'; make it: pip install tr"),
    "vocab.json alone": (only("vocab.json"), "no tokenizer.json, only 'vocab.json'; make it"),
    "tiktoken alone": (only("qwen.tiktoken"), "no tokenizer.json, only 'qwen.tiktoken'; make it"),
    "tekken alone": (only("tekken.json"), "no tokenizer.json, only 'tekken.json'; make it"),
    "pickles alone": (renamed("pytorch_model.bin"), "if you trust it: python -c 'imp"),
    "weights named otherwise": (renamed("consolidated.safetensors"), "rename it to model.safet"),
    "an adapter": (renamed("adapter_model.safetensors"), "but an adapter; merge it into its base"),
    "one of two variants": (both(renamed("model.fp16.safetensors"), lambda folder: put(
        folder, tensors_of(folder, "model.fp16.safetensors"), "model.fp32.safetensors")),
        "which of 'model.fp16.safetensors', 'model.fp32.safetensors' is the model"),
    "a shard is missing": (shards(removed(ONE)),
                           f"lists '{ONE}', which is missing: the download is not complete"),
    "a shard is missing, no index": (
        shards(removed(INDEX, TWO)),
        "that are not numbered 1 to 2: the download is not complete"),
    "shards and a single file": (shards(lambda folder: put(folder, tensors_of(folder, ONE))),
                                 f"both model.safetensors and other weights ('{ONE}'"),
    "a tensor not in the index": (shards(lambda folder: put(
        folder, {**tensors_of(folder, TWO), "more": torch.ones(1)}, TWO)),
        "lacks tensors that its files have: 'more'"),
    "a tensor only in the index": (shards(listed(more=ONE)), "that no file has: 'more'"),
    "a tensor in two shards": (shards(in_both_shards), "model.norm.weight"),
    "the index says the other shard": (shards(listed(model__norm__weight=ONE)), "disagree"),
    "an index of pickles": (shards(listed(model__norm__weight="pytorch_model-1.bin")),
                            "which is no .safetensors file; convert it"),
    "an index of other folders": (shards(listed(model__norm__weight="x/model-1.safetensors")),
                                  "shards lie beside it"),
    "no head": (without("lm_head.weight"), "has no lm_head.weight, and its config.json says"),
    "no head, nothing said": (both(without("lm_head.weight"), settings(tie_word_embeddings=...)),
                              "has no lm_head.weight"),
    "a tied head of its own": (settings(tie_word_embeddings=True), "though its config.json ties"),
    "tied, says a text": (settings(tie_word_embeddings="no"), "has tie_word_embeddings 'no'"),
    "no embedding": (without("model.embed_tokens.weight"), "lacks 'model.embed_tokens.weight'"),
    "no last norm": (without("model.norm.weight"), "lacks 'model.norm.weight'"),
    "one tensor missing": (without(DOWN), f"lacks '{DOWN}'"),
    "missing in all layers": (without(DOWN, DOWN.replace("1", "0")),
                              "(llama) lacks 'model.layers.0.mlp.down_proj.weight'"),
    "a layer missing": (changed(lambda tensors: [tensors.pop(name) for name in list(tensors)
                                                 if name.startswith(LAYER)]),
                        "num_hidden_layers is 2"),
    "the first layer missing": (changed(lambda tensors: [
        tensors.pop(name) for name in list(tensors) if name.startswith("model.layers.0")]),
        "no tensors of 'model.layers.0'"),
    "a layer more": (settings(num_hidden_layers=1), "has 2 layers, but config.json's num_hidden"),
    "ten million layers": (settings(num_hidden_layers=10**7), "num_hidden_layers is 10000000"),
    "a bias that is not read": (changed(lambda tensors: tensors.update(
        {DOWN.replace("weight", "bias"): torch.ones(16)})), "transformers would leave out"),
    "a value head": (changed(lambda tensors: tensors.update({"score.weight": torch.ones(1, 16)})),
                     "transformers would leave out: 'score.weight'; save it as a causal"),
    "biases that are missing": (settings(attention_bias=True), "q_proj.bias"),
    "other widths": (settings(intermediate_size=64), "has the shape [32, 16], expected [64, 16]"),
    "other heads": (settings(num_key_value_heads=2), "k_proj.weight has the shape [8, 16]"),
    "turned": (changed(lambda tensors: tensors.update({DOWN: tensors[DOWN].T})), "expected [16, 3"),
    "rows and vocab_size": (settings(vocab_size=10), "vocab_size is 10"),
    "a token beyond the rows": (token(900, special=False), "no row: '<more>' (the highest id is 9"),
    "padding beyond the rows": (both(token(900), settings("tokenizer_config.json",
                                                          pad_token="<more>")), "no row: '<more>'"),
    "pad_token_id beyond": (settings(pad_token_id=900), "has the pad_token_id 900, expected an id"),
    "generation's end beyond": (settings("generation_config.json", eos_token_id=[1, 900]),
                                "generation_config.json has the eos_token_id 900"),
    "an id that is a text": (settings(eos_token_id="1"), "has the eos_token_id '1'"),
    "no model_type": (settings(model_type=...), "has the model_type None"),
    "no architecture": (settings(architectures=[]), "names no architecture"),
    "layers as a text": (settings(num_hidden_layers="2"), "has the num_hidden_layers '2', expect"),
    "layers as a fraction": (settings(num_hidden_layers=2.0), "num_hidden_layers 2.0, expected"),
    "layers true": (settings(num_hidden_layers=True), "num_hidden_layers True, expected a number"),
    "no number of layers": (settings(num_hidden_layers=...), "num_hidden_layers None, expected"),
    "no vocab_size": (settings(vocab_size=...), "vocab_size None, expected a number from 1"),
    "no heads": (settings(num_attention_heads=0), "num_attention_heads 0, expected a number"),
    "other family, layers as a text": (settings(
        model_type="new", num_hidden_layers="2"), "num_hidden_layers '2', expected a number"),
    "saved by torch.compile": (changed(lambda tensors: [
        tensors.update({f"_orig_mod.{name}": tensors.pop(name)}) for name in list(tensors)]),
        "and has '_orig_mod.lm_head.weight'"),
    "a pointer of Git LFS": (written(SINGLE, LFS), "pointer to a file, not the file; run git lfs"),
    "a tokenizer's pointer": (written("tokenizer.json", LFS), "tokenizer.json is Git LFS's point"),
    "a config's pointer": (written("config.json", LFS), "config.json is Git LFS's pointer"),
    "a GGUF": (renamed("model.gguf"), "only 'model.gguf'; use the model that it was made from"),
    "quantised": (settings(quantization_config={"bits": 4}), "use the model as it was before"),
    "eight bits": (changed(lambda tensors: tensors.update(
        {DOWN: tensors[DOWN].to(torch.float8_e4m3fn)})), "is F8_E4M3; models are taken in BF16"),
    "double": (changed(lambda tensors: tensors.update({DOWN: tensors[DOWN].double()})), "is F64"),
    "an empty tensor": (changed(lambda tensors: tensors.update({DOWN: torch.ones(16, 0)})),
                        "is empty; save the model again, whole"),
    "configs by version": (settings(configuration_files=["config.5.json"]), "configuration_files"),
    "tokenizers by version": (settings("tokenizer_config.json", fast_tokenizer_files=["t.json"]),
                              "has fast_tokenizer_files"),
    "generation settings cut": (written("generation_config.json", b'{"eos'), "generation_config"),
    "generation settings a list": (written("generation_config.json", b"[]"), "a list of 0, exp"),
    "a map of tokens cut": (written("special_tokens_map.json", b"{"), "special_tokens_map.json"),
    "a template in Latin-1": (written("chat_template.jinja", b"\xe9"),
                            "is no text: the byte 0xe9 at 0 is not UTF-8; save it as UTF-8"),
    "a template of 1 MiB": (written("chat_template.jinja", b"a" * (2**20 + 1)),
                            "chat_template.jinja has 1048577 bytes, at most 1048576 are taken"),
    "an id below none": (settings(pad_token_id=-2), "has the pad_token_id -2, expected an id"),
    "an architecture of no name": (settings(architectures=["\x1b[31m"]), "names the architecture"),
    "a long architecture": (settings(architectures=["A" * 101]), "names the architecture 'AAA"),
    "a blank in the type": (settings(model_type="llama "), "has the model_type 'llama ', expe"),
    "another id around texts": (around("<s>", 1), "'<s>' has id 1 in post_processor, and 0"),
    "no token around texts": (around("<x>", 900), "'<x>' has id 900 in post_processor, and None"),
    "no row for what is around texts": (both(token(900), around("<more>", 900)), "has no row: '<"),
    "ids at random": (dropout(0.5), "model.dropout 0.5 draws ids at random; remove it"),
    "a tokenizer that is none": (written("tokenizer.json", b"{}"), "no tokenizer's file"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_whole_is_refused(folder: Path, tmp_path: Path, what: str) -> None:
    spoil, said = REFUSED[what]
    spoil(folder)
    with pytest.raises(BadInputError, match=re.escape(said)) as caught:
        ingest(folder, tmp_path / "out")
    assert str(folder) in str(caught.value)
    assert str(caught.value).isprintable()
    assert not (tmp_path / "out/manifest.json").exists()


def test_a_special_token_of_no_use_may_lack_a_row(folder: Path, tmp_path: Path) -> None:
    """As in Gemma 3's models for text alone, whose tokenizer has one for images."""
    token(900)(folder)
    ingest(folder, tmp_path / "out")
