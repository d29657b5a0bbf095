"""How far training and the residual moved the weights, as the manifest of a candidate tells.

Training is onto − base, the residual instruct − base. Norms are Frobenius norms; what is shown
is the root mean square, norm / √elements, which compares groups of different size.
"""

import math
from collections.abc import Sequence

from jobs.artifacts.reading import Artifact
from jobs.kinds import promises

GROUPS = {
    "attention": "Attention",
    "mlp": "MLP",
    "norms": "Norms",
    "embeddings": "Embeddings",
    "head": "Head",
    "other": "Other",
}
"""The groups of tensors and their titles, in the order in which they are told."""

# The least cosine for which the words hold.
_DIRECTIONS = (
    (0.9, "point nearly the same way"),
    (0.1, "point partly the same way"),
    (-0.1, "stand nearly at right angles"),
    (-0.9, "point partly opposite ways"),
    (-math.inf, "point nearly opposite ways"),
)


class Change(promises.Change):
    """What moved some of the weights, and what follows from it."""

    @property
    def training_rms(self) -> float | None:
        return self._rms(self.training_norm)

    @property
    def residual_rms(self) -> float | None:
        return self._rms(self.residual_norm)

    @property
    def share_changed(self) -> float:
        return self.changed / max(1, self.elements)

    @property
    def times_as_far(self) -> float | None:
        """How many times as far as training the residual moved them."""
        if self.residual_norm is None or not self.training_norm:
            return None
        return self.residual_norm / self.training_norm

    @property
    def direction(self) -> str | None:
        """How the two lie to each other, in words."""
        cosine = self.cosine
        if cosine is None:
            return None
        return next(words for least, words in _DIRECTIONS if cosine >= least)

    def _rms(self, norm: float | None) -> float | None:
        return None if norm is None else norm / math.sqrt(max(1, self.elements))


class GroupChange(promises.GroupChange, Change):
    """The same of one group of tensors."""


class Weights(promises.MovedWeights):
    """The whole model, and each group by layer."""

    change: Change
    groups: tuple[GroupChange, ...]

    @property
    def by_group(self) -> list[tuple[str, Change]]:
        """(title, sum) of each group that there is; what has no layer apart from what has one."""
        names = dict.fromkeys([*GROUPS, *(part.group for part in self.groups)])
        found = []
        for name in names:
            title, parts = GROUPS.get(name, name), [p for p in self.groups if p.group == name]
            outside = [part for part in parts if part.layer is None]
            inside = [part for part in parts if part.layer is not None]
            if inside and outside:
                title, apart = f"{title}, all layers", f"{title}, no layer"
                found += [(title, total(inside)), (apart, total(outside))]
            elif parts:
                found.append((title, total(parts)))
        return found


def weights_of(candidate: Artifact) -> Weights | None:
    """What its merge tells of the weights, or None where it tells nothing, as older ones do."""
    told = candidate.statistics
    if "change" not in told or "groups" not in told:
        return None
    return Weights.told(told, candidate.uri)


def total(parts: Sequence[Change]) -> Change:
    """All parts as one: norms add as squares, the cosine by the inner products."""
    training = _norm([part.training_norm for part in parts])
    residual = _norm([part.residual_norm for part in parts])
    return Change(
        elements=sum(part.elements for part in parts),
        changed=sum(part.changed for part in parts),
        training_norm=training,
        residual_norm=residual,
        cosine=math.fsum(map(_product, parts)) / training / residual
        if training and residual
        else None,
    )


def _norm(norms: Sequence[float | None]) -> float | None:
    known = [norm for norm in norms if norm is not None]
    return math.hypot(*known) if len(known) == len(norms) else None


def _product(part: Change) -> float:
    return (part.cosine or 0.0) * (part.training_norm or 0.0) * (part.residual_norm or 0.0)
