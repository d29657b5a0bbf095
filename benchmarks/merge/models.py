"""Makes the models that the benchmark merges: Llamas in bfloat16, three sharding layouts.

    python -m benchmarks.merge.models URI --size 1.1B

writes base (one file), instruct (three) and onto (five) below URI as artifacts, unless they are
there. Values: base about N(0, 0.02), the others base plus N(0, 0.001), from one block of random
numbers used over and over, so that making them is as quick as writing. Memory: about 300 MB.
"""

import argparse
import itertools
import math
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jobs.artifacts.manifest import Work, find_manifest
from jobs.artifacts.writing import ArtifactWriter
from jobs.kinds.model import INDEX, shard_names
from jobs.kinds.safetensors_header import Tensor, header_bytes
from jobs.store.prefix import Prefix

VERSION = "2"
SHARDS = {"base": 1, "instruct": 3, "onto": 5}
BLOCK_ELEMENTS = 4_000_037  # prime, so that no two tensors start at the same place of the block
SPECIAL_TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
CHAT_TEMPLATE = "{% for message in messages %}{{ message['content'] }} {% endfor %}"

Words = npt.NDArray[np.uint16]
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Size:
    """The shapes of a Llama."""

    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    vocabulary: int

    def times_four(self) -> "Size":
        """As many tensors, of four times as many elements."""
        return Size(
            2 * self.hidden, 2 * self.intermediate, self.layers,
            2 * self.heads, 2 * self.kv_heads, 2 * self.vocabulary,
        )  # fmt: skip

    def shapes(self) -> Shapes:
        """Tensor → shape, in the order in which transformers deals them to shards."""
        kv = self.hidden // self.heads * self.kv_heads
        square, narrow = (self.hidden, self.hidden), (kv, self.hidden)
        wide, back = (self.intermediate, self.hidden), (self.hidden, self.intermediate)
        norm, table = (self.hidden,), (self.vocabulary, self.hidden)
        shapes: Shapes = {"lm_head.weight": table, "model.embed_tokens.weight": table}
        for layer in range(self.layers):
            for name, shape in {
                "input_layernorm": norm, "mlp.down_proj": back, "mlp.gate_proj": wide,
                "mlp.up_proj": wide, "post_attention_layernorm": norm,
                "self_attn.k_proj": narrow, "self_attn.o_proj": square,
                "self_attn.q_proj": square, "self_attn.v_proj": narrow,
            }.items():  # fmt: skip
                shapes[f"model.layers.{layer}.{name}.weight"] = shape
        return {**shapes, "model.norm.weight": norm}

    @property
    def model_bytes(self) -> int:
        """Bytes of all tensors of one model."""
        return 2 * sum(math.prod(shape) for shape in self.shapes().values())


TINY_LLAMA = Size(2048, 5632, 22, 32, 4, 32000)
SMALL = Size(768, 2048, 12, 12, 4, 32000)
SIZES = {
    "0.1B": SMALL,
    "0.5B": SMALL.times_four(),
    "1.1B": TINY_LLAMA,
    "4.4B": TINY_LLAMA.times_four(),
}


def main() -> None:
    """Makes what is missing of the three models."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.merge.models", allow_abbrev=False)
    parser.add_argument("uri")
    parser.add_argument("--size", choices=SIZES, default="1.1B")
    arguments = parser.parse_args()
    for role in SHARDS:
        make(Prefix(arguments.uri) / role, role, SIZES[arguments.size])


def make(prefix: Prefix, role: str, size: Size) -> None:
    """One model, unless it is there already."""
    settings: dict[str, Any] = {"role": role, **asdict(size)}
    work = Work(kind="model", producer=f"benchmark {VERSION}", settings=settings, inputs={})
    found = find_manifest(prefix)
    if found is not None and not found.differences(work):
        return
    if prefix.folder is not None:
        shutil.rmtree(prefix.folder, ignore_errors=True)
    out = ArtifactWriter(prefix, work, {})
    block = _block(role)
    shards = _cut(size.shapes(), SHARDS[role])
    names = shard_names(len(shards))
    starts = dict(zip(size.shapes(), _sums(size.shapes().values()), strict=True))
    for file, shapes in zip(names, shards, strict=True):
        with out.open(file) as target:
            target.write(header_bytes(_tensors(file, shapes)))
            for name, shape in shapes.items():
                for piece in _repeated(block, starts[name], math.prod(shape)):
                    target.write(piece)
    if len(names) > 1:
        files = {name: file for file, part in zip(names, shards, strict=True) for name in part}
        out.write_json(INDEX, {"metadata": {"total_size": size.model_bytes}, "weight_map": files})
    out.write_json("config.json", _config(size))
    for name, data in _tokenizer(size, role).items():
        out.write(name, data)
    out.commit({})


def _block(role: str) -> Words:
    """The random values of a role: the base's, with a little noise of its own for the others."""
    base = np.random.default_rng(0).standard_normal(BLOCK_ELEMENTS, np.float32) * 0.02
    words = _round(base.astype(np.float32))
    if role == "base":
        return words
    seed = list(SHARDS).index(role)
    noise = np.random.default_rng(seed).standard_normal(BLOCK_ELEMENTS, np.float32) * 0.001
    widened = (words.astype(np.uint32) << 16).view(np.float32)
    return _round((widened + noise).astype(np.float32))


def _round(values: npt.NDArray[np.float32]) -> Words:
    """To bfloat16, to nearest, ties to even."""
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def _repeated(block: Words, start: int, elements: int) -> Iterator[memoryview]:
    """`elements` values of the block repeated without end, from `start`."""
    place, left = start % len(block), elements
    while left:
        piece = block[place : place + left]
        yield piece.data.cast("B")
        place, left = 0, left - len(piece)


def _cut(shapes: Shapes, number: int) -> list[Shapes]:
    """Into `number` consecutive parts of about the same size, each by name as safetensors does."""
    total = sum(math.prod(shape) for shape in shapes.values())
    parts: list[Shapes] = [{} for _ in range(number)]
    place = 0
    for name, shape in shapes.items():
        parts[place * number // total][name] = shape
        place += math.prod(shape)
    return [dict(sorted(part.items())) for part in parts]


def _sums(shapes: Iterable[tuple[int, ...]]) -> Iterator[int]:
    """The number of elements before each of them."""
    return itertools.accumulate(map(math.prod, list(shapes)[:-1]), initial=0)


def _tensors(file: str, shapes: Mapping[str, tuple[int, ...]]) -> list[Tensor]:
    return [
        Tensor(name, file, "BF16", shape, start=0, length=2 * math.prod(shape))
        for name, shape in shapes.items()
    ]


def _config(size: Size) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "bfloat16",
        "hidden_size": size.hidden, "intermediate_size": size.intermediate,
        "num_hidden_layers": size.layers, "num_attention_heads": size.heads,
        "num_key_value_heads": size.kv_heads, "vocab_size": size.vocabulary,
        "bos_token_id": 0, "eos_token_id": 1, "tie_word_embeddings": False,
        "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "hidden_act": "silu",
    }  # fmt: skip


def _tokenizer(size: Size, role: str) -> dict[str, bytes]:
    """The files of a tokenizer that knows as many words as the model has rows."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = list(SPECIAL_TOKENS.values())
    names += [f"word{number}" for number in range(size.vocabulary - len(names))]
    vocabulary = {name: number for number, name in enumerate(names)}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))  # noqa: S106  no secret
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words,
        chat_template=CHAT_TEMPLATE if role == "instruct" else None,
        **SPECIAL_TOKENS,
    )
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


if __name__ == "__main__":
    main()
