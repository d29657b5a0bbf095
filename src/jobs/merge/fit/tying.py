"""Embeddings and heads: what they are called, and whether they are one.

A tied model's head is its embedding, and its file mostly has no tensor for it. Where some of the
models are tied, the others can be merged with them if their heads have the same values as their
embeddings: then both say the same thing. The result has the tensors of the first model. What
differs is refused.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jobs.artifacts.hashing import PIECE_BYTES
from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.safetensors_header import Tensor
from jobs.words import shown

_EMBEDDINGS = (
    "model.embed_tokens.weight",  # Llama, Qwen, Mistral, Gemma, Phi-3
    "transformer.wte.weight",  # GPT-2, as v4 and others saved it
    "wte.weight",
    "gpt_neox.embed_in.weight",
    "model.decoder.embed_tokens.weight",  # OPT
    "decoder.embed_tokens.weight",
)
_HEADS = ("lm_head.weight", "embed_out.weight")

# Where config.json lacks tie_word_embeddings: what transformers takes, by model_type.
TIED_WHEN_ABSENT: dict[bool, tuple[str, ...]] = {
    True: (
        "bloom", "cohere", "cohere2", "falcon", "gemma", "gemma2", "gemma3_text", "gpt2",
        "gpt_bigcode", "gpt_neo", "mpt", "opt", "smollm3", "starcoder2",
    ),
    False: (
        "apertus", "deepseek_v2", "deepseek_v3", "exaone4", "glm", "glm4", "gpt_neox", "gptj",
        "granite", "helium", "llama", "ministral", "mistral", "mixtral", "nemotron", "olmo",
        "olmo2", "olmo3", "phi", "phi3", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "stablelm",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Model:
    """One of the models to merge, as its headers and config tell."""

    artifact: Artifact
    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]


def resolve(models: Mapping[str, Model]) -> tuple[dict[str, Mapping[str, Tensor]], str | None]:
    """Tensors by role such that all have a head or none, and what was done, in words.

    Raises BadInputError where some are tied and another's head differs from its embedding.
    """
    tensors = {role: model.tensors for role, model in models.items()}
    names = {name for model in models.values() for name in model.tensors}
    embedding, head = embedding_and_head(names)
    if embedding is None or head is None:
        return tensors, None
    tied = [role for role, model in models.items() if _is_tied(role, model)]
    if not tied:
        return tensors, None
    for role, model in models.items():
        if head in model.tensors and not _same(model, embedding, head):
            who = "its own config.json" if role in tied else f"--{tied[0]}"
            raise BadInputError(
                f"{who} ties {head} to {embedding}, but the two differ in --{role} "
                f"{model.artifact.uri}; merge models that are all tied or all untied"
            )
    first = next(iter(models))
    done = f"{head} equals {embedding} in every model; --{first} decides whether it is stored"
    if head in models[first].tensors:
        return {role: _with_head(model, embedding, head) for role, model in models.items()}, done
    return {role: _without(model, head) for role, model in models.items()}, done


def is_tied(config: Mapping[str, Any]) -> bool:
    """Whether the head is the embedding itself. Raises BadInputError where nothing says so."""
    tied, model_type = config.get("tie_word_embeddings"), config.get("model_type")
    if isinstance(tied, bool):
        return tied
    if tied is None:
        for default, model_types in TIED_WHEN_ABSENT.items():
            if model_type in model_types:
                return default
    said = "lacks tie_word_embeddings"
    if tied is not None:
        said = f"has tie_word_embeddings {shown(tied)}"
    raise BadInputError(
        f"config.json of model_type {shown(model_type)} {said}; set it to true or false, as the "
        "model was trained"
    )


def embedding_and_head(names: Collection[str]) -> tuple[str | None, str | None]:
    """Names of the embedding and of the head among a model's tensors; None where it has none.

    Llama, Qwen, Mistral, Gemma, Phi-3, GPT-2, GPT-NeoX and OPT.
    """
    embedding = next((name for name in _EMBEDDINGS if name in names), None)
    return embedding, next((name for name in _HEADS if name in names), None)


def _is_tied(role: str, model: Model) -> bool:
    try:
        return is_tied(model.config)
    except BadInputError as error:
        raise BadInputError(f"--{role} {model.artifact.uri}: {error}") from error


def _with_head(model: Model, embedding: str, head: str) -> Mapping[str, Tensor]:
    if head in model.tensors or embedding not in model.tensors:
        return model.tensors
    return {**model.tensors, head: replace(model.tensors[embedding], name=head)}


def _without(model: Model, head: str) -> Mapping[str, Tensor]:
    return {name: tensor for name, tensor in model.tensors.items() if name != head}


def _same(model: Model, one: str, other: str) -> bool:
    """Whether two tensors of a model hold the same bytes; read in bounded pieces."""
    a, b = model.tensors.get(one), model.tensors[other]
    if a is None or (a.dtype, a.shape) != (b.dtype, b.shape):
        return False
    read = model.artifact.read_range
    return all(
        read(a.file, a.start + offset, min(PIECE_BYTES, a.length - offset))
        == read(b.file, b.start + offset, min(PIECE_BYTES, a.length - offset))
        for offset in range(0, a.length, PIECE_BYTES)
    )
