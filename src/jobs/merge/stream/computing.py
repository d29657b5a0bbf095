"""Which arithmetic a piece needs, by the operands it has; and errors that name models. Pure."""

from collections.abc import Mapping

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.merge.arithmetic import merge as arithmetic
from jobs.merge.arithmetic.exact import Raw, are_finite
from jobs.merge.arithmetic.merge import Moments
from jobs.merge.targets import Piece
from jobs.words import shortened

_FIX = "give a base, its own instruct twin, and a model that was made from that base"


class Arithmetic:
    """Computes pieces of the result; a callable, for any thread."""

    def __init__(self, models: Mapping[str, Artifact]) -> None:
        self._models = models

    def __call__(self, piece: Piece, operands: Mapping[str, Raw], out: Raw) -> Moments:
        """Sets out to the piece's elements. Raises BadInputError where they are not finite."""
        try:
            return _compute(piece, operands, out)
        except FloatingPointError as error:
            wrong = [
                role
                for role, operand in operands.items()
                if not are_finite(operand, piece.operands[role].dtype)
            ]
            where = ", ".join(f"--{role} {self._models[role].uri}" for role in wrong or operands)
            fix = "use the files as published, or train again" if wrong else _FIX
            name = shortened(piece.tensor.name)
            raise BadInputError(f"tensor {name}: {error} ({where}); {fix}") from error


def _compute(piece: Piece, operands: Mapping[str, Raw], out: Raw) -> Moments:
    dtypes = {role: tensor.dtype for role, tensor in piece.operands.items()}
    match operands:
        case {"onto": onto, "base": base, "instruct": instruct}:
            types = [dtypes[role] for role in ("onto", "base", "instruct")]
            return arithmetic.merge(onto, base, instruct, out, [*types, piece.tensor.dtype])
        case {"instruct": instruct, "base": base}:
            types = [dtypes["instruct"], dtypes["base"], piece.tensor.dtype]
            return arithmetic.subtract(instruct, base, out, types)
        case {"onto": onto, "residual": residual}:
            return arithmetic.add(onto, residual, out, dtypes["onto"], dtypes["residual"])
    ((role, source),) = operands.items()
    moments = arithmetic.copy(source, out, dtypes[role], piece.tensor.dtype)
    moments.changed = 0 if role == "onto" else source.size
    return moments
