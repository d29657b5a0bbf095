"""The three parts of the benchmark: set up, measure, clear away."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.merge.contenders import (
    FOLDER_FLOOR,
    MERGED,
    MERGES,
    OUR_BUCKET,
    OURS,
    S3_FLOOR,
    folder_of,
    inputs,
    on_folders,
    on_s3,
    ours,
    output,
)
from benchmarks.merge.measure import ROOT, Contender, Figures, Run, read_all, rounds, run_once, say
from benchmarks.merge.models import SIZES
from benchmarks.merge.s3_server import serve_s3
from jobs.artifacts.manifest import MANIFEST

WORK = ROOT / ".bench"
MERGEKIT_PROGRAM = WORK / "venv" / "bin" / "mergekit-yaml"
S3_PROGRAM = WORK / "venv" / "bin" / "weed"
SPARE_BYTES = 2 * 10**9


@dataclass(frozen=True)
class Measured:
    """What one store's rounds gave; `floor` names the contender that the ratios refer to."""

    floor: str
    figures: Mapping[str, Figures]
    statistics: Sequence[Mapping[str, Any]]
    """Of the merge's manifest, one for each measured round."""
    agreement: Mapping[str, float] = field(default_factory=dict)
    """Contender → share of the elements that are the same as ours, to the bit."""


def folder(size: str, number: int) -> Measured:
    """Everyone on the folder store."""
    _require(MERGEKIT_PROGRAM)
    models, out = WORK / "models" / size, WORK / "out"
    _make_models(str(models), size)
    statistics: list[Mapping[str, Any]] = []
    agreement: dict[str, float] = {}

    def look(contender: Contender, turn: int) -> None:
        written = output(out, contender.name)
        if contender.name == OURS and turn:
            statistics.append(json.loads((written / MANIFEST).read_text())["statistics"])
        if contender.name in MERGES and not turn:
            reference = out / "reference"
            if contender.name == OURS:
                folder_of(written).rename(reference)
                written = reference
            agreement[contender.name] = _agreement(reference, written)

    shutil.rmtree(out, ignore_errors=True)
    try:
        contenders = on_folders(models, out, MERGEKIT_PROGRAM)
        figures = rounds(contenders, number, partial(read_all, inputs(models)), look)
    finally:
        shutil.rmtree(out)
    return Measured(FOLDER_FLOOR, figures, statistics, agreement)


def s3(size: str, number: int) -> Measured:
    """The merge and plain requests on an S3 server of this machine."""
    _require(S3_PROGRAM)
    models = "s3://models/all"
    statistics: list[Mapping[str, Any]] = []
    with serve_s3(S3_PROGRAM, WORK) as server:
        server.empty_bucket("models")
        _make_models(models, size, server.environment)

        def warm() -> None:
            read_all(server.folder.rglob("*.dat"))  # the volumes

        def look(contender: Contender, turn: int) -> None:
            if contender.name == OURS and turn:
                manifest = json.loads(server.read(OUR_BUCKET, f"{MERGED}/{MANIFEST}"))
                statistics.append(manifest["statistics"])

        figures = rounds(on_s3(server, models), number, warm, look)
    return Measured(S3_FLOOR, figures, statistics)


def memory(sizes: Iterable[str]) -> dict[str, Run | str]:
    """One merge of each size on the folder store, or why it was left out."""
    measured: dict[str, Run | str] = {}
    WORK.mkdir(exist_ok=True)
    for size in sizes:
        needed = 4 * SIZES[size].model_bytes + SPARE_BYTES
        free = shutil.disk_usage(WORK).free
        if free < needed:
            measured[size] = f"left out: needs {needed / 1e9:.0f} GB of disk, free {free / 1e9:.0f}"
            continue
        with tempfile.TemporaryDirectory(dir=WORK, prefix="memory-") as scratch:
            kept = WORK / "models" / size
            models = kept if kept.exists() else Path(scratch) / "models"
            _make_models(str(models), size)
            command = ours(str(models), f"{scratch}/merged")
            measured[size] = run_once(Contender(f"{OURS}, {size}", command))
    return measured


def _require(program: Path) -> None:
    if not program.exists():
        sys.exit(f"{program.relative_to(ROOT)} is missing; `make bench-merge` installs it")


def _make_models(uri: str, size: str, environment: Mapping[str, str] | None = None) -> None:
    say(f"making models of {size} parameters, unless they are there: {uri}")
    command = [sys.executable, "-m", "benchmarks.merge.models", uri, "--size", size]
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | dict(environment or {}))


def _agreement(first: Path, second: Path) -> float:
    command = [sys.executable, "-m", "benchmarks.merge.compare", str(first), str(second)]
    done = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
    return float(done.stdout)
