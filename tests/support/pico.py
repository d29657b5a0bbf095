"""Pico models and artifacts: a few thousand parameters, real in every other way."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from safetensors.numpy import save

from jobs.artifacts.manifest import Work
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.kinds.articles import SCHEMA, write_part
from jobs.store.prefix import Prefix

CHAT_TEMPLATE = (
    "{% for m in messages %}{{ m['role'] }} : {{ m['content'] }} </s> {% endfor %}"
    "{% if add_generation_prompt %}assistant : {% endif %}"
)
SENTENCE = "the baker of the town makes good bread and the smith makes nails every day"


def run_job(job: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """One job as its own process, as a workflow runs it."""
    return subprocess.run(
        [sys.executable, "-m", f"jobs.{job}", *flags], capture_output=True, text=True, check=False
    )


def commit(uri: str, kind: str, files: Mapping[str, bytes], **statistics: Any) -> Artifact:
    """An artifact with these files."""
    work = Work(kind=kind, producer="test 1", settings={}, inputs={})
    writer = ArtifactWriter(Prefix(uri), work, {})
    for path, data in files.items():
        writer.write(path, data)
    return writer.commit(statistics)


def commit_articles(uri: str, bodies: Sequence[str]) -> Artifact:
    """Articles that differ in URL and body."""
    moment = datetime(2026, 10, 1, tzinfo=UTC)
    rows = [
        {
            "url": f"https://news.example/{number}", "publisher": "Example", "title": "News",
            "body": body, "language": "en", "published_at": moment, "captured_at": moment,
            "source": "archive", "training_opt_out": "unchecked",
        }
        for number, body in enumerate(bodies)
    ]  # fmt: skip
    work = Work(kind="articles", producer="test 1", settings={}, inputs={})
    writer = ArtifactWriter(Prefix(uri), work, {})
    with writer.open("part-00000.parquet") as file:
        write_part(file, pa.Table.from_pylist(rows, schema=SCHEMA))
    return writer.commit({"kept": len(rows)})


def write_llama(folder: Path, seed: int = 0, chat_template: str | None = None) -> Path:
    """A Llama of about ten thousand parameters in bfloat16 with a word-level tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    names = ["<s>", "</s>", "<unk>", *sorted({*SENTENCE.split(), "News", "user", "assistant", ":"})]
    words = Tokenizer(
        models.WordLevel({name: number for number, name in enumerate(names)}, unk_token="<unk>")
    )
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="<s>", eos_token="</s>", unk_token="<unk>",
        pad_token="</s>", chat_template=chat_template,
    )  # fmt: skip
    config = LlamaConfig(
        vocab_size=len(names), hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=64,
        bos_token_id=0, eos_token_id=1, dtype="bfloat16",
    )  # fmt: skip
    torch.manual_seed(seed)
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def commit_llama(uri: str, scratch: Path, seed: int = 0, chat: str | None = None) -> Artifact:
    """The same as an artifact of kind model."""
    folder = write_llama(scratch, seed, chat)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return commit(uri, "model", files)


def commit_tensors(
    uri: str, shards: Mapping[str, Mapping[str, np.ndarray]], **files: bytes
) -> Artifact:
    """A model artifact with these tensors by shard, and side files ("_" for "." in names)."""
    data = {name: save(dict(tensors)) for name, tensors in shards.items()}
    if len(shards) > 1:
        import json

        weight_map = {tensor: file for file, tensors in shards.items() for tensor in tensors}
        index = {"metadata": {}, "weight_map": weight_map}
        data["model.safetensors.index.json"] = json.dumps(index).encode()
    data["config.json"] = b'{"architectures": ["LlamaForCausalLM"]}'
    data.update({name.replace("__", "."): value for name, value in files.items()})
    return commit(uri, "model", data)
