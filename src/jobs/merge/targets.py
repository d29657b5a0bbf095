"""What each tensor of the result is made of, its shards and the pieces it is made in. Pure.

Roles are those of the flags: onto, base, instruct; or onto, residual; or instruct, base. The
first of a mapping is the one whose names and shapes the result has. Its types are those of the
instruct model, whose place it takes, or onto's where only a residual is known.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from jobs.fit.rows import Rows
from jobs.fit.shapes import Tensors
from jobs.kinds.safetensors_header import DTYPE_BYTES, Tensor


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
