"""How many parameters a model has, by its config or by its name alone. Pure."""

import math
import re
from collections.abc import Mapping
from typing import Any

from jobs.command.quantity import parse_count
from jobs.errors import BadInputError
from jobs.kinds.families import expected_tensors

_SIZE = re.compile(r"(?<![A-Za-z0-9.])[0-9]{1,6}(?:\.[0-9]{1,6})?[BbMm](?![A-Za-z0-9])")


def parameters_of_config(config: Mapping[str, Any]) -> int | None:
    """Those of all tensors that such a model has; None for families that are not known.

    What lies between two layers is the same for all, so that a config of a billion layers costs
    no more than one of two.
    """
    layers = config.get("num_hidden_layers")
    if type(layers) is not int or layers < 0:
        return None
    without, with_one = _elements(config, 0), _elements(config, 1)
    if without is None or with_one is None:
        return None
    return without + layers * (with_one - without)


def parameters_of_name(source: str) -> int | None:
    """``owner/Qwen2.5-0.5B`` has half a billion; None where the name says no one size.

    A number counts where it stands as a word of its own, before B or M. So a mixture of experts
    (``8x7B``), whose experts share layers, is unknown; of ``30B-A3B`` the first is the size.

    >>> parameters_of_name("Qwen/Qwen2.5-0.5B"), parameters_of_name("mistralai/Mixtral-8x7B-v0.1")
    (500000000, None)
    """
    name = source.rstrip("/").rpartition("/")[2]
    sizes = {parse_count(found) for found in _SIZE.findall(name)}
    size = sizes.pop() if len(sizes) == 1 else None
    return size if isinstance(size, int) and size > 0 else None


def _elements(config: Mapping[str, Any], num_layers: int) -> int | None:
    """Elements of all tensors of a model of so many layers."""
    try:
        tensors = expected_tensors(config, num_layers)
    except BadInputError:  # ingest says why
        return None
    if tensors is None:
        return None
    sizes = [size for shape in tensors.values() for size in shape]
    if None in sizes:
        return None
    return sum(math.prod(size or 0 for size in shape) for shape in tensors.values())
