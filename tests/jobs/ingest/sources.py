"""Folders of models as people have them, and the job on them within this process."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from jobs.artifacts.reading import Artifact
from jobs.command.running import begin, finish
from jobs.ingest.settings import IngestSettings
from jobs.ingest.work import import_model

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
ONE, TWO = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
Change = Callable[[Path], None]


def ingest(source: Path | str, out: Path | str) -> Artifact:
    job = begin(IngestSettings.from_flags([f"--from={source}", f"--out={out}"]), {})
    assert job is not None
    return finish(job, import_model(job))


def tensors_of(folder: Path, file: str = SINGLE) -> dict[str, torch.Tensor]:
    return dict(load_file(folder / file))


def put(folder: Path, tensors: Mapping[str, torch.Tensor], file: str = SINGLE) -> None:
    whole = {name: tensor.clone().contiguous() for name, tensor in tensors.items()}
    save_file(whole, folder / file, {"format": "pt"})


def changed(change: Callable[[dict[str, torch.Tensor]], object]) -> Change:
    """The weights altered by `change`."""

    def alter(folder: Path) -> None:
        tensors = tensors_of(folder)
        change(tensors)
        put(folder, tensors)

    return alter


def without(*names: str) -> Change:
    return changed(lambda tensors: [tensors.pop(name) for name in names])


def settings(file: str = "config.json", **fields: Any) -> Change:
    """Fields of a JSON file set, or (with `...`) removed."""

    def alter(folder: Path) -> None:
        path = folder / file
        values = json.loads(path.read_text()) if path.exists() else {}
        values.update(fields)
        kept = {field: value for field, value in values.items() if value is not ...}
        path.write_text(json.dumps(kept))

    return alter


def both(*changes: Change) -> Change:
    def alter(folder: Path) -> None:
        for change in changes:
            change(folder)

    return alter


def sharded(folder: Path, *, index: bool = True) -> dict[str, str]:
    """In two shards; returns tensor → file, as the index says."""
    tensors = tensors_of(folder)
    (folder / SINGLE).unlink()
    half = len(tensors) // 2
    names = sorted(tensors)
    weight_map = {name: ONE if at < half else TWO for at, name in enumerate(names)}
    for file in (ONE, TWO):
        put(folder, {name: tensors[name] for name in names if weight_map[name] == file}, file)
    if index:
        write_index(folder, weight_map)
    return weight_map


def write_index(folder: Path, weight_map: Mapping[str, str], **more: Any) -> None:
    (folder / INDEX).write_text(json.dumps({"weight_map": weight_map, **more}))


def fresh(source: Path, folder: Path) -> Path:
    shutil.copytree(source, folder)
    return folder
