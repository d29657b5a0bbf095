"""`make check-gpu`: what only a GPU can show, and how fast and large training is on it.

python -m benchmarks.gpu [--out FOLDER] [--only checks|shapes]

Writes FOLDER/NAME.json and FOLDER/NAME.md, NAME being that of the GPU. Ends with 1 where a check
is wrong. Without a GPU the same runs on the CPU with a tiny model, and shows nothing but that.
"""

import argparse
import json
import platform
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.checks import checked, prepared
from benchmarks.gpu.shapes import measured
from jobs.numbers import num_bytes
from jobs.train.telling import software

RESULTS = Path(__file__).parent.parent / "results"


def main() -> None:
    """Runs all of it, prints as it goes, and writes what was found."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--only", choices=["checks", "shapes"])
    given = parser.parse_args()
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", 0) if on_gpu else torch.device("cpu")
    processes = torch.cuda.device_count() if on_gpu else 1
    name = torch.cuda.get_device_name() if on_gpu else f"CPU ({platform.machine()})"
    found: dict[str, Any] = {
        "device": name, "processes": processes, "software": software(), "checks": [], "shapes": [],
    }  # fmt: skip
    if given.only != "shapes":
        with tempfile.TemporaryDirectory() as scratch:
            for check, is_right, said in checked(prepared(Path(scratch), device, processes)):
                print("ok   " if is_right else "WRONG", check, "·", said, flush=True)
                found["checks"].append({"check": check, "right": is_right, "said": said})
    if given.only != "checks":
        for shape in measured(device, processes):
            found["shapes"].append(shape.record())
            print(*_cells(found["shapes"][-1]), sep=" · ", flush=True)
    _write(given.out, found)
    sys.exit(not all(check["right"] for check in found["checks"]))


def _write(folder: Path, found: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub("[^a-z0-9]+", "-", found["device"].lower()).strip("-")
    (folder / f"{name}.json").write_text(json.dumps(found, indent=2) + "\n")
    (folder / f"{name}.md").write_text(markdown(found))
    print(f"written: {folder / name}.json and .md")


def markdown(found: dict[str, Any]) -> str:
    """For people."""
    versions = ", ".join(f"{name} {version}" for name, version in found["software"].items())
    lines = [f"# {found['processes']} × {found['device']}", "", versions, ""]
    if found["checks"]:
        lines += ["| check | | what was seen |", "|---|---|---|"]
        lines += [
            f"| {check['check']} | {'ok' if check['right'] else 'WRONG'} | {check['said']} |"
            for check in found["checks"]
        ]
        lines.append("")
    if found["shapes"]:
        heads = "shape", "loop", "tokens/s", "MFU", "GPU memory", "host memory"
        lines += [f"| {' | '.join(heads)} |", "|---|---|---:|---:|---:|---:|"]
        lines += [f"| {' | '.join(_cells(shape))} |" for shape in found["shapes"]]
        lines.append("")
    return "\n".join(lines)


def _cells(shape: dict[str, Any]) -> list[str]:
    if shape["failed"]:
        return [shape["shape"], shape["loop"], "did not run", "", "", ""]
    gpu = shape["gpu_bytes"]
    return [
        shape["shape"],
        shape["loop"],
        f"{shape['tokens_per_second']:,.0f}",
        "" if shape["mfu"] is None else f"{shape['mfu']:.1%}",
        "" if gpu is None else num_bytes(gpu),
        num_bytes(shape["host_bytes"]),
    ]


if __name__ == "__main__":
    main()
