"""Builds the image of each job, with whichever of docker, podman and buildah is there.

python images/build.py [--registry R] [--tag T] [--base IMAGE] [--push] [--with BUILDER] [JOB …]

Needs nothing but Python. Each image is <registry>/<job>:<tag>; those that need torch share its
layer. An image's labels say of which commit it is; its files are dated by that commit.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
JOBS = sorted(path.parent.name for path in (ROOT / "src/jobs").glob("*/__main__.py"))
BUILDERS = ("docker", "podman", "buildah")
LOCAL = "perennial"
"""The registry of images that stay here."""
REGISTRY = re.compile(r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
WHO = re.compile(r"(?<=://)[^/@]*@")
"""Who logs in, and how, in the address of a checkout's origin."""
SAID_LINES = 30
"""Of a build that failed."""
DISK_IS_FULL = "no space left on device"
"""As Linux says it, whichever the builder."""
BAD_INPUT = 64
INTERRUPTED = 130


class ImagesError(Exception):
    """What is wrong, in one line, and the exit code."""

    def __init__(self, said: str, code: int = BAD_INPUT) -> None:
        super().__init__(said)
        self.code = code


def main() -> int:
    """Builds, pushes if asked, and prints a table of sizes."""
    try:
        options = _parser().parse_args()
        _check(options)
        builder = find_builder(options.builder)
        fetch(builder, options.base or default_base())
        sizes = {}
        for job in options.jobs or JOBS:
            name = f"{options.registry or LOCAL}/{job}:{options.tag}"
            build(builder, job, name, options.base)
            sizes[name] = size_of(builder, name)
        for name in sizes if options.push else ():
            _run([builder, "push", name], f"pushing {name} (see {builder} login)")
        _print_sizes(sizes)
    except ImagesError as error:
        print(f"images: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _check(options: argparse.Namespace) -> None:
    """Raises ImagesError for what could not be built or pushed."""
    if unknown := [job for job in options.jobs if job not in JOBS]:
        raise ImagesError(f"there is no job {unknown[0]}; there are {', '.join(JOBS)}")
    if not TAG.fullmatch(options.tag):
        raise ImagesError(
            f"TAG {options.tag!r} cannot be: a tag is up to 128 letters, digits, '_', '.' and '-', "
            "the first no '.' or '-'"
        )
    if options.registry is None:
        if options.push:
            raise ImagesError("PUSH needs REGISTRY=, such as registry.example.com/perennial")
    elif not REGISTRY.fullmatch(options.registry):
        raise ImagesError(
            f"REGISTRY {options.registry!r} cannot be: it is a host and a path in small letters, "
            "such as registry.example.com/perennial"
        )


def find_builder(named: str | None) -> str:
    """The program that builds. Raises ImagesError where none is installed and answers.

    docker may be there without the service that does its work.
    """
    tried = [named] if named else BUILDERS
    installed = [name for name in tried if shutil.which(name)]
    for name in installed:
        if subprocess.run([name, "info"], capture_output=True, check=False).returncode == 0:
            return name
    if installed:
        raise ImagesError(f"{installed[0]} does not work here: see {installed[0]} info")
    raise ImagesError(f"{' and '.join(tried)} not found; install docker, podman or buildah")


def default_base() -> str:
    """The Dockerfile's."""
    found = re.search(r"^ARG BASE=(\S+)$", (ROOT / "images/Dockerfile").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def fetch(builder: str, base: str) -> None:
    """Pulls the base image where it is not here. Raises ImagesError where it cannot be had."""
    if not _told(builder, base):
        _run([builder, "pull", base], f"BASE {base} is not here; pulling it (BASE= names another)")


def build(builder: str, job: str, name: str, base: str | None) -> None:
    """One image. Raises ImagesError with the end of what the builder said."""
    print(f"{job:<9}", end="", flush=True)
    started = time.monotonic()
    _run(command(builder, job, name, base), f"building {job}")
    print(f" {time.monotonic() - started:6.1f} s", flush=True)


def command(builder: str, job: str, name: str, base: str | None) -> list[str]:
    """The builder's command line for one job."""
    moment = _git("log", "-1", "--format=%ct")
    kind = Path(builder).name
    found = [builder, "build", "--file", "images/Dockerfile", "--tag", name]
    found += ["--build-arg", f"JOB={job}", "--build-arg", f"ON={layer(job)}"]
    if base:
        found += ["--build-arg", f"BASE={base}"]
    if moment:
        dated = ["--build-arg", f"SOURCE_DATE_EPOCH={moment}"]
        found += dated if kind == "docker" else ["--timestamp", moment]
    if kind == "buildah":
        found.append("--layers")
    for key, value in labels(job).items():
        found += ["--label", f"org.opencontainers.image.{key}={value}"]
    return [*found, "."]


def layer(job: str) -> str:
    """What a job's image stands on: torch's layer, or Python alone."""
    lock = (ROOT / f"images/{job}.lock").read_text()
    return "torch" if any(line.startswith("torch==") for line in lock.splitlines()) else "python"


def labels(job: str) -> dict[str, str]:
    """The OCI annotations of a job's image; the commit where this is a checkout."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    commit = _git("rev-parse", "HEAD")
    changed = "-changed" if commit and _git("status", "--porcelain") else ""
    found = {
        "title": f"{project['name']}-{job}",
        "version": project["version"],
        "licenses": project["license"],
        "source": WHO.sub("", _git("config", "--get", "remote.origin.url")),
        "revision": f"{commit}{changed}",
    }
    return {key: value for key, value in found.items() if value}


def size_of(builder: str, name: str) -> str:
    """As the builder tells it, for people; empty where it does not."""
    told = _told(builder, name)
    size = told.get("size") or told.get("Size") or ""
    return size if isinstance(size, str) else f"{size / 1e6:,.0f} MB"


def _told(builder: str, name: str) -> dict[str, Any]:
    """What the builder knows of an image; nothing where it is not here."""
    asked = ["images", "--json"] if Path(builder).name == "buildah" else ["image", "inspect"]
    done = subprocess.run([builder, *asked, name], capture_output=True, text=True, check=False)
    found: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
    return found[0] if found else {}


def _git(*words: str) -> str:
    """What git says; nothing where there is none, or no checkout."""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip()


def _run(words: list[str], what: str) -> None:
    """Runs it; where it fails, prints the end of what it said and raises ImagesError."""
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        code = subprocess.run(words, cwd=ROOT, stdout=log, stderr=log, check=False).returncode
        if code:
            log.seek(0)
            said = "\n".join(log.read().splitlines()[-SAID_LINES:])
            print(f"\n{said}", file=sys.stderr)
            full = ": the disk is full" if DISK_IS_FULL in said.lower() else ""
            raise ImagesError(f"{what} failed ({code}), as said above{full}", code)


def _print_sizes(sizes: dict[str, str]) -> None:
    width = max(map(len, sizes))
    print(f"\n{'image':<{width}}  size")
    for name, size in sizes.items():
        on_torch = layer(name.rpartition("/")[2].partition(":")[0]) == "torch"
        print(f"{name:<{width}}  {size}{', of which torch is shared' if on_torch else ''}")


def _parser() -> argparse.ArgumentParser:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("jobs", nargs="*", metavar="JOB", help="default: all")
    parser.add_argument(
        "--registry", help=f"where the images will be; default: {LOCAL}, not pushed"
    )
    parser.add_argument("--tag", default=version, help=f"default: {version}")
    parser.add_argument("--base", help="an image with Python 3.11; default: the pinned one")
    parser.add_argument("--push", action="store_true", help="push each when all are built")
    parser.add_argument("--with", dest="builder", metavar="BUILDER", help=", ".join(BUILDERS))
    return parser


if __name__ == "__main__":
    sys.exit(main())
