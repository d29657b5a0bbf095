"""Which rows of embeddings and heads come from which model, where they have unequal numbers. Pure.

A row belongs to a token, and that a row is one token to all models is checked elsewhere
(`jobs.fit.meaning`).
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from jobs.errors import BadInputError
from jobs.kinds.safetensors_header import Tensor


class Rows(NamedTuple):
    """Rows `start` (included) to `stop` (excluded) of an embedding, and where they come from."""

    start: int
    stop: int
    source: str
    """``sum`` (onto + instruct − base, or instruct − base), ``onto`` or ``instruct``."""

    def __str__(self) -> str:
        return f"rows {self.start}–{self.stop - 1}"


def rows_by_tensor(
    models: Mapping[str, Mapping[str, Tensor]],
    per_token: Collection[str],
    base_rows: Mapping[str, int],
) -> dict[str, list[Rows]]:
    """Of each tensor in `per_token` that has not the same number of rows in all models.

    `base_rows`: how many the base of a stored residual had, by tensor, where not all.
    """
    found = {}
    for name in per_token:
        rows = {role: tensors[name].shape[0] for role, tensors in models.items()}
        if "residual" in rows:
            rows["instruct"] = rows.pop("residual")
            rows["base"] = min(base_rows.get(name, rows["instruct"]), rows["instruct"])
            _check_rows_of_residual(name, rows)
        if len(set(rows.values())) > 1:
            found[name] = row_sources(rows) if "onto" in rows else _rows_of_residual(rows)
    return found


def row_sources(rows: Mapping[str, int]) -> list[Rows]:
    """Cuts the rows of the extended embedding by where they come from.

    `rows` has the numbers of rows of onto, base and instruct. The result has as many as the
    larger of onto and instruct. Rows that both have are summed, and the rest is taken as it is
    from the one that has it, whether base has it or not: where onto or instruct lacks a row,
    there is nothing to add.

    Raises BadInputError where both have rows that base lacks. Their residual is not known, nor
    whether a row means one token to both. It would not help if it did: to take either side's
    would drop what the other learned.
    """
    shared, result = sorted((rows["onto"], rows["instruct"]))
    if rows["base"] < shared:
        raise BadInputError(
            f"--vocabulary extend: --onto ({rows['onto']} rows) and --instruct "
            f"({rows['instruct']}) both have rows that --base ({rows['base']}) lacks, so that "
            f"the residual of rows {rows['base']} to {shared - 1} is not known; use the base "
            "with the same tokens"
        )
    longer = "onto" if rows["onto"] == result else "instruct"
    return _that_hold_any(Rows(0, shared, "sum"), Rows(shared, result, longer))


def _rows_of_residual(rows: Mapping[str, int]) -> list[Rows]:
    """Differences as far as base and instruct go, then instruct's own values."""
    shared = min(rows["base"], rows["instruct"])
    return _that_hold_any(Rows(0, shared, "sum"), Rows(shared, rows["instruct"], "instruct"))


def _that_hold_any(*cut: Rows) -> list[Rows]:
    return [rows for rows in cut if rows.start < rows.stop]


def _check_rows_of_residual(name: str, rows: Mapping[str, int]) -> None:
    """A residual has differences for the rows of its base, and instruct's values beyond them."""
    onto, base = rows["onto"], rows["base"]
    if onto < base:
        raise BadInputError(
            f"{name} has {onto} rows in --onto, fewer than the {base} of the residual's base: the "
            "residual does not know the instruct model's values; give --base and --instruct "
            "in its place"
        )
    if base < min(onto, rows["instruct"]):
        raise BadInputError(
            f"{name} has {onto} rows in --onto and {rows['instruct']} in --residual, but had "
            f"{base} in the residual's base: the difference of the others is not known; make "
            "the residual with a base of the same tokens"
        )
