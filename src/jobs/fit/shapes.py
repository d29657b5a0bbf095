"""Whether the models hold the same tensors. Pure.

Roles are those of the flags: onto, base, instruct; or onto, residual; or instruct, base. The
first of a mapping is the one whose names and shapes the result has. Types may differ: every element
is widened exactly, and the sum is rounded once.

Refused: names or shapes that differ, and types that are not floats. Embeddings and heads may
differ in their first dimension where the vocabulary is to be extended.
"""

from collections import Counter
from collections.abc import Collection, Mapping

from jobs.errors import BadInputError
from jobs.kinds.safetensors_header import Tensor
from jobs.words import listed, shortened

Tensors = Mapping[str, Tensor]
SUMMED = ("BF16", "F16", "F32")
"""Types of tensors that are merged, as a safetensors file names them."""

EXTEND = (
    "merge: {vocabulary: extend} in the fleet file (--vocabulary extend) takes the rows from where "
    "they are"
)


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
                fix = EXTEND
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
    if tensor.dtype not in SUMMED:
        raise BadInputError(
            f"tensor {name} of {model} has dtype {tensor.dtype}; merged are "
            f"{', '.join(SUMMED)}: save it in one of them"
        )


def mixed_types(models: Mapping[str, Tensors]) -> dict[str, int]:
    """How many tensors are of which types by role, where the models' are not of one."""
    found: Counter[str] = Counter()
    for name in next(iter(models.values())):
        types = {role: tensors[name].dtype for role, tensors in models.items()}
        if len(set(types.values())) > 1:
            found[", ".join(f"{role} {dtype}" for role, dtype in types.items())] += 1
    return dict(found)
