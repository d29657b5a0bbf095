"""Who merges, and the floors: the commands, on folders and on S3."""

import shlex
import shutil
import sys
from functools import partial
from pathlib import Path

from benchmarks.merge.measure import Contender
from benchmarks.merge.s3_server import S3Server
from jobs.artifacts.reading import Artifact

OURS = "perennial"
PLAIN = "plain loop, safetensors and torch"
MERGEKIT = "mergekit task_arithmetic, lazy"
DIGESTS = "BLAKE3 alone, all cores"
FOLDER_FLOOR = "floor: cat"
S3_FLOOR = "floor: plain GETs and PUTs"
ROLES = ("base", "instruct", "onto")
MERGES = (OURS, PLAIN, MERGEKIT)
FLOOR_BUCKET, OUR_BUCKET, MERGED = "floor", "ours", "merged"

# instruct − base is added to onto: base + (onto − base) + (instruct − base).
MERGEKIT_SETTINGS = """
merge_method: task_arithmetic
base_model: {base}
models:
  - model: {onto}
    parameters: {{weight: 1.0}}
  - model: {instruct}
    parameters: {{weight: 1.0}}
dtype: bfloat16
"""


def folder_of(model: Path) -> Path:
    """Where the files of a model lie that is an artifact in a folder: what others load."""
    place = Artifact.open(str(model), "model").place.folder
    assert place is not None
    return place


def inputs(models: Path) -> list[Path]:
    """The tensor files of the three models."""
    folders = [folder_of(models / role) for role in ROLES]
    return [path for folder in folders for path in sorted(folder.glob("*.safetensors"))]


def ours(models: str, out: str) -> list[str]:
    """The merge job's command line, as a workflow runs it."""
    flags = [f"--{role}={models}/{role}" for role in ROLES]
    return [sys.executable, "-m", "jobs.merge", *flags, f"--out={out}"]


def on_folders(models: Path, out: Path, mergekit: Path) -> list[Contender]:
    """Everyone who works on the folder store; each writes `output` of its name."""
    out.mkdir(parents=True, exist_ok=True)
    settings = out / "mergekit.yaml"
    folders = {role: folder_of(models / role) for role in ROLES}
    settings.write_text(MERGEKIT_SETTINGS.format(**folders))
    copied, copy = inputs(models)[0], output(out, FOLDER_FLOOR)
    read, write = ["cat", *map(str, inputs(models))], ["cat", str(copied)]
    cat = f"{shlex.join(read)} >/dev/null && {shlex.join(write)} >{shlex.quote(str(copy))}"
    commands: dict[str, list[str]] = {
        FOLDER_FLOOR: ["sh", "-c", cat],
        DIGESTS: _module("digests", *inputs(models), copied),
        OURS: ours(str(models), str(output(out, OURS))),
        PLAIN: _module("plain", *folders.values(), output(out, PLAIN)),
        MERGEKIT: [
            *(str(mergekit), str(settings), str(output(out, MERGEKIT))),
            *("--lazy-unpickle", "--out-shard-size=5B", "--quiet"),
        ],
    }
    return [
        Contender(
            name, command,
            clear=partial(_remove, output(out, name)),
            environment={"HF_HUB_OFFLINE": "1"},
        )
        for name, command in commands.items()
    ]  # fmt: skip


def output(out: Path, name: str) -> Path:
    """Where a contender on folders writes."""
    return out / "".join(letter if letter.isalnum() else "-" for letter in name)


def _remove(path: Path) -> None:
    """A file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def on_s3(server: S3Server, models: str) -> list[Contender]:
    """The merge and its floor on an S3 server, each with a bucket of its own for the output."""
    commands = {
        S3_FLOOR: (_module("s3_floor", models, f"s3://{FLOOR_BUCKET}"), FLOOR_BUCKET),
        OURS: (ours(models, f"s3://{OUR_BUCKET}/{MERGED}"), OUR_BUCKET),
    }
    return [
        Contender(name, command, partial(server.empty_bucket, bucket), server.environment)
        for name, (command, bucket) in commands.items()
    ]


def _module(name: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.merge.{name}", *map(str, arguments)]
