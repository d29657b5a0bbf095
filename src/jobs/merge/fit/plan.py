"""Whether the models fit, what each tensor of the result is made of, and its shards. Pure.

Roles are those of the flags: onto, base, instruct; or onto, residual; or instruct, base. The
first of a mapping is the one whose names and shapes the result has. Its types are those of the
instruct model, whose place it takes, or onto's where only a residual is known. Types of the models
may differ: every element is widened exactly, and the sum is rounded once.

Refused: names or shapes that differ, and types that are not floats. Embeddings and heads may
differ in their first dimension where the vocabulary is to be extended.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from jobs.errors import BadInputError
from jobs.kinds.safetensors_header import DTYPE_BYTES, Tensor
from jobs.merge.arithmetic.exact import STORAGE
from jobs.merge.fit.rows import Rows
from jobs.words import listed, shortened

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Segment:
    """Elements of a tensor of the result, in one run, and the tensors they are made of by role.

    It starts at element `first` of each of them, and is `elements` long.
    """

    first: int
    elements: int
    operands: Mapping[str, Tensor]


@dataclass(frozen=True)
class Target:
    """A tensor of the result: where it will lie, and the segments it is made of, in order."""

    tensor: Tensor
    segments: Sequence[Segment]


@dataclass(frozen=True)
class Piece:
    """What is read, computed and written at once: part of a segment, of a bounded size."""

    tensor: Tensor
    first: int
    elements: int
    operands: Mapping[str, Tensor]


def check(
    models: Mapping[str, Tensors],
    labels: Mapping[str, str],
    per_token: Collection[str],
    *,
    extend: bool,
) -> None:
    """Raises BadInputError unless all models hold the same tensors.

    `labels` says of each role what errors call it. Tensors in `per_token` have a row a token; with
    `extend` the number of rows may differ.
    """
    (first, reference), *others = models.items()
    for role, tensors in others:
        if missing := sorted(reference.keys() - tensors.keys()):
            raise _differing(labels[role], "lacks", labels[first], "has", missing)
        if extra := sorted(tensors.keys() - reference.keys()):
            raise _differing(labels[role], "has", labels[first], "lacks", extra)
        for name, tensor in tensors.items():
            there = reference[name]
            but_rows = name in per_token and _same_but_rows(tensor, there)
            if tensor.shape == there.shape or (but_rows and extend):
                continue
            fix = "merge models of one architecture"
            if but_rows:
                fix = "--vocabulary extend takes the rows from where they are"
            raise BadInputError(
                f"tensor {shortened(name)} is {tensor.dtype} {list(tensor.shape)} in "
                f"{labels[role]} but {there.dtype} {list(there.shape)} in {labels[first]}; {fix}"
            )
    for role, tensors in models.items():
        for tensor in tensors.values():
            _check_type(tensor, labels[role], per_token)


def _same_but_rows(one: Tensor, other: Tensor) -> bool:
    return len(one.shape) == len(other.shape) > 0 and one.shape[1:] == other.shape[1:]


def _differing(one: str, does: str, other: str, does_not: str, tensors: list[str]) -> BadInputError:
    return BadInputError(
        f"{one} {does} tensors that {other} {does_not}: {listed(tensors)}; "
        "merge models of one architecture"
    )


def _check_type(tensor: Tensor, model: str, per_token: Collection[str]) -> None:
    name = shortened(tensor.name)
    if tensor.name in per_token and tensor.elements == 0:
        raise BadInputError(f"tensor {name} of {model} has no rows; use the model as published")
    if tensor.dtype not in STORAGE:
        raise BadInputError(
            f"tensor {name} of {model} has dtype {tensor.dtype}; merged are "
            f"{', '.join(STORAGE)}: save it in one of them"
        )


def targets(
    models: Mapping[str, Tensors], rows: Mapping[str, Sequence[Rows]], dtype: str | None
) -> list[Target]:
    """The tensors of the result, by name, so that the order of the inputs leaves no trace.

    `rows` says for tensors of an extended vocabulary which rows come from where; `dtype` is the
    type of a residual. Place and file are not set yet.
    """
    first = next(iter(models.values()))
    typed = models.get("instruct", first)
    return [
        _target(first[name], {role: tensors[name] for role, tensors in models.items()},
                rows.get(name), dtype or typed[name].dtype)
        for name in sorted(first)
    ]  # fmt: skip


def mixed_types(models: Mapping[str, Tensors]) -> dict[str, int]:
    """How many tensors are of which types by role, where the models' are not of one."""
    found: Counter[str] = Counter()
    for name in next(iter(models.values())):
        types = {role: tensors[name].dtype for role, tensors in models.items()}
        if len(set(types.values())) > 1:
            found[", ".join(f"{role} {dtype}" for role, dtype in types.items())] += 1
    return dict(found)


def _target(
    model: Tensor, operands: Mapping[str, Tensor], rows: Sequence[Rows] | None, dtype: str
) -> Target:
    if rows is None:
        return Target(_result(model, dtype, model.shape), [Segment(0, model.elements, operands)])
    width = prod(model.shape[1:])
    result = _result(model, dtype, (rows[-1].stop, *model.shape[1:]))
    segments = [
        Segment(cut.start * width, (cut.stop - cut.start) * width, _sources(operands, cut.source))
        for cut in rows
    ]
    return Target(result, segments)


def _result(model: Tensor, dtype: str, shape: tuple[int, ...]) -> Tensor:
    length = prod(shape) * DTYPE_BYTES[dtype]
    return replace(model, dtype=dtype, shape=shape, length=length)


def _sources(operands: Mapping[str, Tensor], source: str) -> Mapping[str, Tensor]:
    """All operands where rows are summed; else the one that has them (a residual is instruct's)."""
    if source == "sum":
        return operands
    role = source if source in operands else "residual"
    return {role: operands[role]}


def cut_into_shards(targets: Sequence[Target], shard_bytes: int) -> list[list[Target]]:
    """Cut greedily, in order: a shard ends before it would exceed `shard_bytes`."""
    shards: list[list[Target]] = []
    used = 0
    for target in targets:
        if not shards or used + target.tensor.length > shard_bytes:
            shards.append([])
            used = 0
        shards[-1].append(target)
        used += target.tensor.length
    return shards


def pieces(shard: Sequence[Target], most_elements: int) -> Iterator[Piece]:
    """A shard's tensors in order, in pieces of at most `most_elements`."""
    for target in shard:
        for segment in target.segments:
            end = segment.first + segment.elements
            for first in range(segment.first, end, most_elements):
                size = min(most_elements, end - first)
                yield Piece(target.tensor, first, size, segment.operands)


def num_pieces(shard: Sequence[Target], most_elements: int) -> int:
    """How many `pieces` there are."""
    return sum(
        -(-segment.elements // most_elements) for target in shard for segment in target.segments
    )
