"""Small models for the tests of merge: a few tensors, a config and a tokenizer."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from jobs.artifacts.reading import Artifact
from jobs.command.running import Job, begin, finish
from jobs.kinds.model import read_tensors
from jobs.merge import work
from jobs.merge.settings import MergeSettings
from tests.support.pico import commit, commit_tensors, run_job

Tensors = Mapping[str, np.ndarray]
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 4,
    "tie_word_embeddings": False,
    "bos_token_id": 0,
    "eos_token_id": 1,
}
WORDS = tuple("abcdefgh")
ROLES = ("base", "instruct", "onto")
Q = "model.layers.0.self_attn.q_proj.weight"
WEIGHTS = "model.safetensors"
CHAT = "{% for m in messages %}<{{ m['role'] }}> {{ m['content'] }} {% endfor %}"


def tokenizer(*words: str, added: Mapping[str, int] | None = None) -> bytes:
    """A tokenizer.json whose words have the ids 0, 1, …"""
    tree = {
        "model": {"type": "WordLevel", "vocab": {word: id_ for id_, word in enumerate(words)}},
        "added_tokens": [{"id": id_, "content": word} for word, id_ in (added or {}).items()],
    }
    return json.dumps(tree).encode()


def tensors(seed: int, **changes: np.ndarray | None) -> dict[str, np.ndarray]:
    """A Llama's layer or so in float32; `changes` replace or (None) remove ("__" for ".")."""
    rng = np.random.default_rng(seed)
    shapes = {
        EMBEDDING: (8, 4),
        HEAD: (8, 4),
        "model.layers.0.self_attn.q_proj.weight": (300, 7),
        "model.layers.0.mlp.up_proj.weight": (5, 4),
        "model.layers.0.input_layernorm.weight": (4,),
        "model.norm.weight": (1,),
    }
    made = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    changed = {**made, **{name.replace("__", "."): value for name, value in changes.items()}}
    return {name: value for name, value in changed.items() if value is not None}


def put(
    uri: str,
    content: Tensors,
    *,
    shards: int = 1,
    config: Mapping[str, Any] | None = None,
    words: bytes | None = None,
    **files: bytes,
) -> Artifact:
    """A model artifact with these tensors, dealt to `shards` files in turn."""
    names = list(content)
    parts = {
        f"model-{n + 1:05d}-of-{shards:05d}.safetensors": {
            name: content[name] for name in names[n::shards]
        }
        for n in range(shards)
    }
    if shards == 1:
        parts = {"model.safetensors": dict(content)}
    return commit_tensors(
        uri,
        parts,
        config__json=json.dumps({**CONFIG, **(config or {})}).encode(),
        tokenizer__json=tokenizer(*WORDS) if words is None else words,
        **files,
    )


def merge(store: str, *flags: str, roles: str = "base instruct onto", out: str = "out") -> str:
    """Runs the job on `store`/<role>; its one line of error, or "" where it ended well."""
    uris = [f"--{role}={store}/{role}" for role in roles.split()]
    result = run_job("merge", *uris, f"--out={store}/{out}", *flags)
    assert "Traceback" not in result.stderr, result.stderr
    if result.returncode == 0:
        return ""
    assert result.returncode == 64, result.stderr
    (line,) = (line for line in result.stderr.splitlines() if " ERROR " in line)
    assert result.stderr.splitlines()[-1] == line
    return line.partition("merge: ")[2]


def values(model: Artifact) -> dict[str, np.ndarray]:
    """All tensors of an artifact in float32, read by the safetensors library."""
    found: dict[str, np.ndarray] = {}
    for file in sorted({tensor.file for tensor in read_tensors(model).values()}):
        found |= load(model.read(file))
    return found


def exact(onto: np.ndarray, base: np.ndarray, instruct: np.ndarray) -> np.ndarray:
    """The sum in a type wide enough for these values, rounded once."""
    o, b, i = (part.astype(np.longdouble) for part in (onto, base, instruct))
    return (o - b + i).astype(onto.dtype)


def put_three(store: str, **content: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """Models of the three roles, with `content` in place of the tensors that a role would have."""
    three = [content.get(role, tensors(seed)) for seed, role in enumerate(ROLES)]
    for role, part in zip(ROLES, three, strict=True):
        put(f"{store}/{role}", part)
    return three


def files_of(**changes: np.ndarray | None) -> dict[str, bytes]:
    """The files of a valid model."""
    return {
        WEIGHTS: save(tensors(1, **changes)),
        "config.json": json.dumps(CONFIG).encode(),
        "tokenizer.json": tokenizer(*WORDS),
    }


def begin_job(store: Path, *flags: str) -> Job[MergeSettings]:
    """The job, begun in this process."""
    uris = [f"--{role}={store}/{role}" for role in ROLES]
    settings = MergeSettings.from_flags([*uris, f"--out={store}/out", *flags])
    job = begin(settings, settings.open_inputs())
    assert job is not None
    return job


def run(store: Path, *flags: str) -> Artifact:
    """The job in this process. Raises what it raises."""
    job = begin_job(store, *flags)
    return finish(job, work.merge(job))


def replace(store: Path, role: str, files: Mapping[str, bytes]) -> None:
    """Puts another model in the place of a role's."""
    (store / role).rename(store / f"valid-{role}")
    commit(f"{store}/{role}", "model", files)
