"""The merge as a good engineer would glue it from safetensors and torch: the peer to beat.

    python -m benchmarks.merge.plain BASE INSTRUCT ONTO OUT

Folders in, a folder out. Tensor by tensor in float32, rounded to the output's type; one shard of
the result in memory. It checks nothing and digests nothing.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

SHARD_BYTES = 5 * 10**9

Tensors = dict[str, torch.Tensor]


def main(base: Path, instruct: Path, onto: Path, out: Path) -> None:
    """Writes onto + (instruct − base)."""
    out.mkdir(parents=True)
    weight_map = {}
    for number, shard in enumerate(_merged(*map(open_model, (base, instruct, onto))), start=1):
        file = f"model-{number:05d}.safetensors"
        save_file(shard, out / file, {"format": "pt"})
        weight_map.update(dict.fromkeys(shard, file))
    index = {"metadata": {}, "weight_map": weight_map}
    (out / "model.safetensors.index.json").write_text(json.dumps(index))
    shutil.copy(onto / "config.json", out)
    for path in instruct.glob("tokenizer*"):
        shutil.copy(path, out)


def open_model(model: Path) -> dict[str, Any]:
    """Tensor → the open file that holds it."""
    files = [safe_open(path, "pt") for path in sorted(model.glob("*.safetensors"))]
    return {name: file for file in files for name in file.keys()}  # type: ignore[no-untyped-call]  # noqa: SIM118


def _merged(
    base: dict[str, Any], instruct: dict[str, Any], onto: dict[str, Any]
) -> Iterator[Tensors]:
    """The merged tensors, shard by shard."""
    shard: Tensors = {}
    used = 0
    for name in sorted(onto):
        o, b, i = (model[name].get_tensor(name) for model in (onto, base, instruct))
        merged = o.float().sub_(b).add_(i).to(o.dtype)
        if shard and used + merged.nbytes > SHARD_BYTES:
            yield shard
            shard, used = {}, 0
        shard[name] = merged
        used += merged.nbytes
    yield shard


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
