"""What the merge's statistics tell: norms and their cosine, by layer and kind of tensor. Pure."""

import math
import re
from collections.abc import Mapping

from jobs.kinds.promises import Change, GroupChange
from jobs.merge.arithmetic.merge import Moments

_LAYER = re.compile(r"(?:^|\.)(?:layers|layer|h|blocks|block)\.(\d+)\.")
# The first that fits: a norm within an attention block is a norm.
_GROUPS = {
    "norms": re.compile(r"norm|\bln_|\.ln\d"),
    "head": re.compile(r"lm_head|embed_out"),
    "embeddings": re.compile(r"embed|\bw[tp]e\b"),
    "attention": re.compile(r"att"),
    "mlp": re.compile(r"mlp|feed_forward|expert|fc\d|moe"),
}


def layer_and_group(name: str) -> tuple[int | None, str]:
    """Layer (None outside the layers) and group of a tensor.

    >>> layer_and_group("model.layers.3.self_attn.q_proj.weight")
    (3, 'attention')
    >>> layer_and_group("model.norm.weight")
    (None, 'norms')
    """
    layer = _LAYER.search(name)
    group = next((group for group, pattern in _GROUPS.items() if pattern.search(name)), "other")
    return (int(layer[1]) if layer else None), group


def by_group(moments: Mapping[str, Moments]) -> list[GroupChange]:
    """One entry a layer and group, in order; those outside the layers come first."""
    totals: dict[tuple[int | None, str], Moments] = {}
    for name, tensor in moments.items():
        totals.setdefault(layer_and_group(name), Moments()).add(tensor)
    ordered = sorted(totals, key=lambda key: (-1 if key[0] is None else key[0], key[1]))
    return [
        GroupChange(layer=key[0], group=key[1], **described(totals[key]).model_dump())
        for key in ordered
    ]


def total(moments: Mapping[str, Moments]) -> Change:
    """The same over all tensors."""
    whole = Moments()
    for tensor in moments.values():
        whole.add(tensor)
    return described(whole)


def described(moments: Moments) -> Change:
    """Norms, not squared, and the cosine; None where it is not known or not defined."""
    training, residual = (_root(square) for square in (moments.training, moments.residual))
    cosine = None
    if training and residual and math.isfinite(moments.product):
        cosine = moments.product / training / residual
    return Change(
        elements=moments.elements,
        changed=moments.changed,
        training_norm=training,
        residual_norm=residual,
        cosine=cosine,
    )


def _root(square: float) -> float | None:
    return math.sqrt(square) if math.isfinite(square) else None
