"""Models of random weights, and packed rows of random tokens, of any shape."""

import random
from pathlib import Path
from typing import NamedTuple

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from jobs.artifacts.manifest import Work
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.kinds.rows import ROWS, TRAIN, Row
from jobs.pack.rows import write_rows
from jobs.store.prefix import Prefix
from tests.support.pico import commit
from tests.support.tokenizers import byte_level

MEDIAN_TOKENS, SPREAD = 450, 0.8
"""Of an article, log-normal: as the paper's corpus, whose mean is 650 tokens."""
LEAST_TOKENS = 8


class Case(NamedTuple):
    """A model, and what it is trained on."""

    name: str
    hidden: int
    intermediate: int
    layers: int
    heads: int
    key_heads: int
    vocabulary: int
    length: int
    """Tokens a row."""
    rows: int
    batch_rows: int
    micro_rows: int


def make_model(
    case: Case, folder: Path, dtype: torch.dtype = torch.float32, seed: int = 0
) -> Artifact:
    """As an artifact, and as transformers saves it in ``model`` below `folder`.

    The tokenizer has fewer ids than the model: it is for what compares or loads one.
    """
    config = LlamaConfig(
        vocab_size=case.vocabulary, hidden_size=case.hidden, num_hidden_layers=case.layers,
        intermediate_size=case.intermediate, num_attention_heads=case.heads,
        num_key_value_heads=case.key_heads, max_position_embeddings=case.length,
        dtype=dtype,
    )  # fmt: skip
    torch.manual_seed(seed)
    network = LlamaForCausalLM(config).to(dtype)
    network.save_pretrained(folder / "model")
    files = {path.name: path.read_bytes() for path in (folder / "model").iterdir()}
    tokenizer = {
        "tokenizer.json": byte_level().to_str().encode(),
        "tokenizer_config.json": b'{"eos_token": "<|end|>"}',
    }
    size = network.num_parameters()
    return commit(f"{folder}/artifact", "model", {**files, **tokenizer}, parameters=size)


def make_rows(case: Case, folder: Path) -> Artifact:
    """Of tokens drawn at random."""
    draw = random.Random(0)
    settings = {"sequence_length": case.length}
    work = Work(kind="rows", producer="pack 1", settings=settings, inputs={})
    writer = ArtifactWriter(Prefix(f"{folder}/rows"), work, {})
    rows = [_row(case, draw) for _ in range(case.rows)]
    write_rows(writer, TRAIN, iter(rows), ROWS)
    return writer.commit({"rows": len(rows), "tokens": sum(len(row.ids) for row in rows)})


def _row(case: Case, draw: random.Random) -> Row:
    lengths = list[int]()
    while (left := case.length - sum(lengths)) > 0:
        lengths.append(
            min(left, max(LEAST_TOKENS, int(MEDIAN_TOKENS * draw.lognormvariate(0, SPREAD))))
        )
    return Row.of([draw.randrange(case.vocabulary) for _ in range(case.length)], lengths)
