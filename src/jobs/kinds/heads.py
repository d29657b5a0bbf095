"""Embeddings and heads: what they are called, and whether they are one.

A tied model's head is its embedding, and its file mostly has no tensor for it. An untied model
without a head is none: whoever loads it would make one up, at random or from the embedding.
"""

from collections.abc import Collection, Mapping
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


def check_head(config: Mapping[str, Any], names: Collection[str], where: str) -> None:
    """Raises BadInputError where the config says that the head is a tensor, and there is none."""
    embedding, head = embedding_and_head(names)
    if embedding is None or head is not None:
        return
    try:
        tied = is_tied(config)
    except BadInputError as error:
        raise BadInputError(f"{where}: {error}") from error
    if not tied:
        raise BadInputError(
            f"{where} has no {_HEADS[0]}, and its config.json says that the head is not tied to "
            f"{embedding}: use the model with its head, or set tie_word_embeddings to true if it "
            "was trained so"
        )


def same_values(model: Artifact, tensors: Mapping[str, Tensor], one: str, other: str) -> bool:
    """Whether two tensors of a model hold the same bytes; read in bounded pieces."""
    a, b = tensors.get(one), tensors[other]
    if a is None or (a.dtype, a.shape) != (b.dtype, b.shape):
        return False
    read = model.read_range
    return all(
        read(a.file, a.start + offset, min(PIECE_BYTES, a.length - offset))
        == read(b.file, b.start + offset, min(PIECE_BYTES, a.length - offset))
        for offset in range(0, a.length, PIECE_BYTES)
    )
