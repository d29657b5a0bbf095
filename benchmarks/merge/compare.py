"""How much two models agree: prints the share of elements whose bits are the same.

python -m benchmarks.merge.compare FOLDER FOLDER
"""

import sys
from pathlib import Path

import torch

from benchmarks.merge.plain import open_model


def same_elements(first: Path, second: Path) -> float:
    """The share. Raises KeyError where a tensor is missing on one side."""
    one, other = open_model(first), open_model(second)
    same = total = 0
    for name in sorted(one.keys() | other):
        a, b = (model[name].get_tensor(name).view(torch.int16) for model in (one, other))
        same += int((a == b).sum())
        total += a.numel()
    return same / total


if __name__ == "__main__":
    print(same_elements(*map(Path, sys.argv[1:])))
