"""Reads what the models say of themselves, and decides whether and how they are merged.

Included: headers, configs, tokenizers; what comes out is a plan, and nothing is written. Not
included: the tensors' values, but for heads that are compared with embeddings.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.model import CONFIG, read_tensors
from jobs.merge.fit import plan, tying
from jobs.merge.fit.configuration import check_configs, embedding_and_head, merged_config
from jobs.merge.fit.plan import Tensors
from jobs.merge.fit.vocabulary import Rows, check_vocabularies, row_sources
from jobs.merge.settings import MergeSettings

RESIDUAL = "residual.json"
"""Beside a residual's tensors: what adding it must know."""
ORDER = ("onto", "instruct", "base", "residual")
"""The first of them that is given has the names, shapes and types of the result."""
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
    notes: dict[str, Any] = {"allowed_config": allowed} if allowed else {}
    renamed = check_vocabularies(artifacts)
    if renamed:
        notes |= {"renamed_tokens": len(renamed), "renamed_tokens_such_as": renamed[:3]}
    tensors, tied = tying.resolve(models)
    notes |= {"tied": tied} if tied else {}
    first = tensors[order[0]]
    words = [name for name in embedding_and_head(first.keys()) if name and first[name].shape]
    names = {role: f"--{role} {artifacts[role].uri}" for role in order}
    plan.check(tensors, names, words, extend=settings.vocabulary == "extend")
    base_rows, rows = _rows(models, tensors, words)
    if rows:
        notes["vocabulary"] = {name: _told(parts) for name, parts in rows.items()}
    dtype = None if "onto" in artifacts else DTYPES[settings.dtype]
    targets = plan.targets(tensors, rows, dtype)
    chat = configs["instruct" if "instruct" in configs else "residual"]
    size = next((parts[-1].stop for parts in rows.values()), None)
    config = merged_config(configs[order[0]], chat, size)
    return Fit({role: model.tensors for role, model in models.items()}, targets, config,
               base_rows, notes)  # fmt: skip


def _read(artifact: Artifact, max_bytes: int) -> tying.Model:
    tensors = read_tensors(artifact, max_bytes)
    return tying.Model(artifact, artifact.read_json(CONFIG), tensors)


def _rows(
    models: Mapping[str, tying.Model], tensors: Mapping[str, Tensors], words: Collection[str]
) -> tuple[dict[str, int], dict[str, list[Rows]]]:
    """Base rows by tensor (of a residual), and rows by source, for tensors of unequal rows."""
    stored: Mapping[str, int] = {}
    if "residual" in models:
        stored = _stored_rows(models["residual"].artifact)
    base_rows, rows = {}, {}
    for name in words:
        sizes = {role: part[name].shape[0] for role, part in tensors.items()}
        if "residual" in sizes:
            sizes["instruct"] = sizes.pop("residual")
            sizes["base"] = min(stored.get(name, sizes["instruct"]), sizes["instruct"])
            _check_rows_of_residual(name, sizes)
        if len(set(sizes.values())) == 1:
            continue
        if "onto" in sizes:
            rows[name] = row_sources(sizes)
        else:
            base_rows[name] = min(sizes["base"], sizes["instruct"])
            parts = [Rows(0, base_rows[name], "sum")]
            parts += [Rows(sizes["base"], sizes["instruct"], "instruct")]
            rows[name] = [part for part in parts if part.start < part.stop]
    return base_rows, rows


def _check_rows_of_residual(name: str, sizes: Mapping[str, int]) -> None:
    """A residual has differences for the rows of its base, and instruct's values beyond them."""
    onto, base = sizes["onto"], sizes["base"]
    if onto < base:
        raise BadInputError(
            f"{name} has {onto} rows in --onto, fewer than the {base} of the residual's base: the "
            "residual does not know the instruct model's values; give --base and --instruct "
            "in its place"
        )
    if base < min(onto, sizes["instruct"]):
        raise BadInputError(
            f"{name} has {onto} rows in --onto and {sizes['instruct']} in --residual, but had "
            f"{base} in the residual's base: the difference of the others is not known; make "
            "the residual with a base of the same tokens"
        )


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


def _told(parts: Sequence[Rows]) -> dict[str, str]:
    return {f"rows {part.start}–{part.stop - 1}": part.source for part in parts}
