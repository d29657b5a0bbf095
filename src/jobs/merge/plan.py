"""Whether three models fit, and how the result is cut into shards. Pure.

Refused: names, shapes or types that differ, and types that are not floats.
"""

from collections.abc import Mapping

from jobs.errors import BadInputError
from jobs.merge.arithmetic import FLOAT_DTYPES
from jobs.model import Tensor

Tensors = Mapping[str, Tensor]


def check(models: Mapping[str, Tensors]) -> None:
    """Raises BadInputError unless all models hold the same tensors.

    `models` maps the roles (onto, base, instruct) to their tensors by name.
    """
    (first, reference), *others = models.items()
    for role, tensors in others:
        if missing := sorted(reference.keys() - tensors.keys()):
            raise BadInputError(f"--{role} lacks tensors that --{first} has: {_some(missing)}")
        if extra := sorted(tensors.keys() - reference.keys()):
            raise BadInputError(f"--{role} has tensors that --{first} lacks: {_some(extra)}")
        for name, tensor in tensors.items():
            there = reference[name]
            if (tensor.shape, tensor.dtype) != (there.shape, there.dtype):
                raise BadInputError(
                    f"tensor {name} is {tensor.dtype} {list(tensor.shape)} in --{role} "
                    f"but {there.dtype} {list(there.shape)} in --{first}"
                )
    for tensor in reference.values():
        if tensor.dtype not in FLOAT_DTYPES:
            raise BadInputError(
                f"tensor {tensor.name} has dtype {tensor.dtype}; merged are {FLOAT_DTYPES}"
            )


def cut_into_shards(tensors: Tensors, shard_bytes: int) -> list[list[Tensor]]:
    """Tensors by name, cut greedily: a shard ends before it would exceed `shard_bytes`.

    The order is that of the names, so that the sharding of the inputs leaves no trace.
    """
    shards: list[list[Tensor]] = []
    used = 0
    for name in sorted(tensors):
        tensor = tensors[name]
        if not shards or used + tensor.length > shard_bytes:
            shards.append([])
            used = 0
        shards[-1].append(tensor)
        used += tensor.length
    return shards


def _some(names: list[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
