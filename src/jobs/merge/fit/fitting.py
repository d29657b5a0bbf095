"""Reads what the models say of themselves, and decides whether and how they are merged.

Included: headers, configs, tokenizers; what comes out is a plan, and nothing is written. Not
included: the tensors' values, but for heads that are compared with embeddings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.heads import embedding_and_head
from jobs.kinds.model import CONFIG, read_tensors
from jobs.merge.fit import plan, tying
from jobs.merge.fit.configuration import check_configs, merged_config
from jobs.merge.fit.meaning import check_vocabularies
from jobs.merge.fit.plan import Tensors
from jobs.merge.fit.rows import Rows, rows_by_tensor
from jobs.merge.settings import MergeSettings

RESIDUAL = "residual.json"
"""Beside a residual's tensors: what adding it must know."""
ORDER = ("onto", "instruct", "base", "residual")
"""The first of them that is given has the names and shapes of the result."""
DTYPES = {"float32": "F32", "bfloat16": "BF16", "float16": "F16"}


@dataclass(frozen=True)
class Fit:
    """How the models are merged: the tensors of the result, its config, and what to say of it."""

    sources: Mapping[str, Tensors]
    targets: Sequence[plan.Target]
    config: dict[str, Any]
    base_rows: dict[str, int]
    """Of a residual: rows of the base in tensors that the instruct model has longer."""
    notes: dict[str, Any]


def fit(artifacts: Mapping[str, Artifact], settings: MergeSettings) -> Fit:
    """The plan for these inputs, by role. Raises BadInputError where they do not fit."""
    order = [role for role in ORDER if role in artifacts]
    models = {role: _read(artifacts[role], settings.max_bytes) for role in order}
    configs = {role: model.config for role, model in models.items()}
    allowed = check_configs(configs, settings.allow_config)
    renamed = check_vocabularies(artifacts)
    tensors, tied = tying.resolve(models)
    first = tensors[order[0]]
    per_token = [name for name in embedding_and_head(first) if name and first[name].shape]
    labels = {role: f"--{role} {artifacts[role].uri}" for role in order}
    plan.check(tensors, labels, per_token, extend=settings.vocabulary == "extend")
    stored = _stored_rows(artifacts["residual"]) if "residual" in artifacts else {}
    rows = rows_by_tensor(tensors, per_token, stored)
    makes_residual = "onto" not in artifacts
    chat = configs["instruct" if "instruct" in configs else "residual"]
    size = next((cut[-1].stop for cut in rows.values()), None)
    mixed = {} if "residual" in models else plan.mixed_types(tensors)
    return Fit(
        sources={role: model.tensors for role, model in models.items()},
        targets=plan.targets(tensors, rows, DTYPES[settings.dtype] if makes_residual else None),
        config=merged_config(configs[order[0]], chat, size, types_differ=bool(mixed)),
        base_rows={name: cut[0].stop for name, cut in rows.items()} if makes_residual else {},
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
