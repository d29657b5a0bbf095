"""Reads what the models say of themselves, and decides whether and how they are merged.

Included: headers, configs, tokenizers; what comes out is a plan, and nothing is written. Not
included: the tensors' values, but for heads that are compared with embeddings.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.fit import shapes, tying
from jobs.fit.configuration import check_configs, merged_config
from jobs.fit.meaning import ReadVocabulary, check_vocabularies
from jobs.fit.rows import Rows, rows_by_tensor
from jobs.fit.shapes import Tensors
from jobs.kinds.heads import embedding_and_head
from jobs.kinds.model import CONFIG, MAX_BYTES, read_tensors
from jobs.kinds.vocabulary import read_vocabulary

RESIDUAL = "residual.json"
"""Beside a residual's tensors: what adding it must know."""
ORDER = ("onto", "instruct", "base", "residual")
"""The first of them that is given has the names and shapes of the result."""


@dataclass(frozen=True)
class Fit:
    """How the models are merged: where each tensor is, the result's config, what to say of it."""

    sources: Mapping[str, Tensors]
    """Tensors by role, as the models have them."""
    tensors: Mapping[str, Tensors]
    """The same, such that all roles have the same names: with or without a head."""
    rows: Mapping[str, Sequence[Rows]]
    """Of tensors that not all roles have the same number of rows in: which come from where."""
    config: dict[str, Any]
    base_rows: dict[str, int]
    """Of a residual: rows of the base in tensors that the instruct model has longer."""
    notes: dict[str, Any]


def fit(
    artifacts: Mapping[str, Artifact],
    *,
    allow_config: Collection[str],
    extend: bool,
    max_bytes: int = MAX_BYTES,
    will_train: bool = False,
    read_values: bool = True,
    read: ReadVocabulary = read_vocabulary,
) -> Fit:
    """How these models, by role, are merged. Raises BadInputError where they do not fit.

    Merge decides by it, and so does whoever asks before: with `will_train` the values of onto's
    tensors will be others than they are now; its config, tokenizer, names and shapes stay. Without
    `read_values` no tensor is read: heads that must equal embeddings are taken to do so.
    `read` may remember the tokenizers of models that are asked for again.
    """
    order = [role for role in ORDER if role in artifacts]
    models = {role: _read(artifacts[role], max_bytes) for role in order}
    configs = {role: model.config for role, model in models.items()}
    allowed = check_configs(configs, allow_config)
    renamed = check_vocabularies(artifacts, read)
    trained = "onto" if will_train else None
    tensors, tied = tying.resolve(models, trained, read_values=read_values)
    first = tensors[order[0]]
    per_token = [name for name in embedding_and_head(first) if name and first[name].shape]
    labels = {role: f"--{role} {artifacts[role].uri}" for role in order}
    shapes.check(tensors, labels, per_token, extend=extend)
    stored = _stored_rows(artifacts["residual"]) if "residual" in artifacts else {}
    rows = rows_by_tensor(tensors, per_token, stored)
    chat = configs["instruct" if "instruct" in configs else "residual"]
    size = next((cut[-1].stop for cut in rows.values()), None)
    mixed = {} if "residual" in models else shapes.mixed_types(tensors)
    is_residual = "onto" not in artifacts
    return Fit(
        sources={role: model.tensors for role, model in models.items()},
        tensors=tensors,
        rows=rows,
        config=merged_config(configs[order[0]], chat, size, types_differ=bool(mixed)),
        base_rows={name: cut[0].stop for name, cut in rows.items()} if is_residual else {},
        notes={**_notes(allowed, renamed, tied, rows), **({"types": mixed} if mixed else {})},
    )


def _read(artifact: Artifact, max_bytes: int) -> tying.Model:
    tensors = read_tensors(artifact, max_bytes)
    return tying.Model(artifact, artifact.read_json(CONFIG), tensors)


def _stored_rows(residual: Artifact) -> Mapping[str, int]:
    stored = residual.read_json(RESIDUAL)
    rows = stored.get("base_rows") if isinstance(stored, dict) else None
    if not isinstance(rows, dict) or not all(
        type(size) is int and size >= 0 for size in rows.values()
    ):
        raise BadInputError(
            f"{residual.uri}/{RESIDUAL} has no base_rows; make the residual again with jobs.merge"
        )
    return rows


def _notes(
    allowed: Mapping[str, Sequence[str]],
    renamed: Sequence[str],
    tied: str | None,
    rows: Mapping[str, Sequence[Rows]],
) -> dict[str, Any]:
    """What a reader of the statistics should know of how the models were brought together."""
    told = {name: {str(some): some.source for some in cut} for name, cut in rows.items()}
    notes = {
        "allowed_config": allowed,
        "renamed_tokens": len(renamed),
        "renamed_tokens_such_as": renamed[:3],
        "tied": tied,
        "vocabulary": told,
    }
    return {name: note for name, note in notes.items() if note}
