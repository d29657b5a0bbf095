"""Embeddings and heads of the models to merge, brought together where some are tied.

A tied model's head is its embedding, and its file mostly has no tensor for it. Where some of the
models are tied, the others can be merged with them if their heads have the same values as their
embeddings: then both say the same thing. The result has the tensors of the first model. What
differs is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.heads import check_head, embedding_and_head, is_tied, same_values
from jobs.kinds.safetensors_header import Tensor

_FIX = "merge models that are all tied or all untied"


@dataclass(frozen=True)
class Model:
    """One of the models to merge, as its headers and config tell."""

    artifact: Artifact
    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]


def resolve(
    models: Mapping[str, Model], will_train: str | None = None, *, read_values: bool = True
) -> tuple[dict[str, Mapping[str, Tensor]], str | None]:
    """Tensors by role such that all have a head or none, and what was done, in words.

    Raises BadInputError where some are tied and another's head differs from its embedding, or
    will differ once the role `will_train` was trained, and where an untied one has no head.
    Without `read_values`, a head is taken to equal its embedding where it has to.
    """
    tensors = {role: model.tensors for role, model in models.items()}
    names = {name for model in models.values() for name in model.tensors}
    embedding, head = embedding_and_head(names)
    if embedding is None:
        return tensors, None
    if head is None:
        for role, model in models.items():
            check_head(model.config, model.tensors, f"--{role} {model.artifact.uri}")
        return tensors, None
    tied = [role for role, model in models.items() if _is_tied(role, model)]
    if not tied:
        return tensors, None
    if will_train is not None and will_train not in tied:
        raise BadInputError(
            f"--{tied[0]} ties {head} to {embedding}, and --{will_train} "
            f"{models[will_train].artifact.uri} does not: training would part them; "
            f"{_FIX}"
        )
    for role, model in models.items():
        if not read_values or head not in model.tensors:
            continue
        if not same_values(model.artifact, model.tensors, embedding, head):
            who = "its own config.json" if role in tied else f"--{tied[0]}"
            raise BadInputError(
                f"{who} ties {head} to {embedding}, but the two differ in --{role} "
                f"{model.artifact.uri}; {_FIX}"
            )
    first = next(iter(models))
    done = f"{head} equals {embedding} in every model; --{first} decides whether it is stored"
    if head in models[first].tensors:
        return {role: _with_head(model, embedding, head) for role, model in models.items()}, done
    return {role: _without(model, head) for role, model in models.items()}, done


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
