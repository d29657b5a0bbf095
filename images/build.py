"""Builds the image of each job, with whichever of docker, podman and buildah is there.

python images/build.py [--registry R] [--tag T] [--base IMAGE] [--push] [--with BUILDER] [JOB …]

Needs nothing but Python. Each image is <registry>/<job>:<tag>; those that need torch share its
layer. An image's labels say of which commit it is; its files are dated by that commit.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
JOBS = sorted(path.parent.name for path in (ROOT / "src/jobs").glob("*/__main__.py"))
BUILDERS = ("docker", "podman", "buildah")
SAID_LINES = 30
"""Of a build that failed."""
BAD_INPUT = 64


class ImagesError(Exception):
    """What is wrong, in one line, and the exit code."""

    def __init__(self, said: str, code: int = BAD_INPUT) -> None:
        super().__init__(said)
        self.code = code


def main() -> int:
    """Builds, pushes if asked, and prints a table of sizes."""
    try:
        options = _parser().parse_args()
        builder = find_builder(options.builder)
        sizes = {}
        for job in _known(options.jobs or JOBS):
            name = f"{options.registry}/{job}:{options.tag}"
            build(builder, job, name, options.base)
            sizes[name] = size_of(builder, name)
        for name in sizes if options.push else ():
            _run([builder, "push", name], f"pushing {name}")
        _print_sizes(sizes)
    except ImagesError as error:
        print(f"images: {error}", file=sys.stderr)
        return error.code
    return 0


def _known(jobs: list[str]) -> list[str]:
    if unknown := [job for job in jobs if job not in JOBS]:
        raise ImagesError(f"there is no job {unknown[0]}; there are {', '.join(JOBS)}")
    return jobs


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


def build(builder: str, job: str, name: str, base: str | None) -> None:
    """One image. Raises ImagesError with the end of what the builder said."""
    started = time.monotonic()
    _run(command(builder, job, name, base), f"building {job}")
    print(f"{job:<9} {time.monotonic() - started:6.1f} s", flush=True)


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
        "source": _git("config", "--get", "remote.origin.url"),
        "revision": f"{commit}{changed}",
    }
    return {key: value for key, value in found.items() if value}


def size_of(builder: str, name: str) -> str:
    """As the builder tells it, for people; empty where it does not."""
    is_buildah = Path(builder).name == "buildah"
    asked = ["images", "--json", name] if is_buildah else ["image", "inspect", name]
    done = subprocess.run([builder, *asked], capture_output=True, text=True, check=False)
    try:
        told = json.loads(done.stdout)[0]["size" if is_buildah else "Size"]
    except (ValueError, LookupError):
        return ""
    return told if isinstance(told, str) else f"{told / 1e6:,.0f} MB"


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
    with tempfile.TemporaryFile("w+") as log:
        code = subprocess.run(words, cwd=ROOT, stdout=log, stderr=log, check=False).returncode
        if code:
            log.seek(0)
            said = log.read().splitlines()[-SAID_LINES:]
            print("\n".join(["", *said]), file=sys.stderr)
            raise ImagesError(f"{what} failed ({code}), as said above", code)


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
    parser.add_argument("--registry", default="perennial", help="where the images will be")
    parser.add_argument("--tag", default=version, help=f"default: {version}")
    parser.add_argument("--base", help="an image with Python 3.11; default: the pinned one")
    parser.add_argument("--push", action="store_true", help="push each when all are built")
    parser.add_argument("--with", dest="builder", metavar="BUILDER", help=", ".join(BUILDERS))
    return parser


if __name__ == "__main__":
    sys.exit(main())
