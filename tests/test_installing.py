"""requirements/install.py: which torch is installed, and what ends an installation."""

import hashlib
import http.server
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from tests.support.paths import ROOT

UV = Path(sys.executable).with_name("uv")
pytestmark = pytest.mark.skipif(not UV.exists(), reason="no uv beside Python: run make setup")
BACKEND = """
import zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(folder + "/built-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in {METADATA}.items():
            wheel.writestr("built-1.0.dist-info/" + name, text)
    return "built-1.0-py3-none-any.whl"
"""


def metadata(name: str, version: str) -> dict[str, str]:
    return {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }


def wheel(folder: Path, name: str, version: str, code: str = "") -> str:
    """Puts a wheel into folder/<name>; returns its line in a lock."""
    path = folder / name / f"{name}-{version}-py3-none-any.whl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", code)
        for file, text in metadata(name, version).items():
            archive.writestr(f"{name}-{version}.dist-info/{file}", text)
    return line(path, name, version)


def line(path: Path, name: str, version: str) -> str:
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def source(folder: Path) -> str:
    """A package `built`, as source only, that the package `backend` builds."""
    path = folder / "built/built-1.0.tar.gz"
    path.parent.mkdir(parents=True)
    files = {
        "PKG-INFO": metadata("built", "1.0")["METADATA"],
        "pyproject.toml": '[build-system]\nrequires = ["backend"]\nbuild-backend = "backend"\n',
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"built-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return line(path, "built", "1.0")


class Index(http.server.SimpleHTTPRequestHandler):
    """Serves each folder as an index; below /403 and the like it answers so."""

    def do_GET(self) -> None:
        first = self.path.split("/")[1]
        if first.isdecimal():
            self.send_error(int(first))
        else:
            super().do_GET()

    def log_message(self, *args: object) -> None:
        pass


class Place:
    """A machine with an index, a second one, an empty environment, and the locks of a project."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.environment = folder / "environment"
        self.settings: dict[str, str] = {}
        (folder / "requirements").mkdir()
        shutil.copy(ROOT / "requirements/install.py", folder / "requirements")
        subprocess.run([UV, "venv", "-q", "-p", sys.executable, self.environment], check=True)
        index = folder / "index"
        self.write("all", wheel(index, "torch", "2.0") + wheel(index, "triton", "3.0"))
        self.append("all", wheel(index, "plain", "1.0") + source(index))
        code = BACKEND.replace("{METADATA}", repr(metadata("built", "1.0")))
        self.write("tools", wheel(index, "backend", "1.0", code))
        # Laid out as ours is, whose marker uv repeats when it says that there is no such version.
        cpu = wheel(folder / "second", "torch", "2.0+cpu")
        marked = cpu.replace(" --", " ; sys_platform != 'win32' \\\n    --")
        self.write("torch-cpu", f"# kept by hand\n{marked}")

    def lock(self, name: str) -> Path:
        return self.folder / f"requirements/{name}.lock"

    def write(self, name: str, text: str) -> None:
        self.lock(name).write_text(text)

    def append(self, name: str, text: str) -> None:
        self.write(name, self.lock(name).read_text() + text)

    def install(self, *, quiet: bool = True) -> subprocess.CompletedProcess[str]:
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_"))
        }
        told = {"UV_DEFAULT_INDEX": f"{self.url}/index", "UV_NO_CACHE": "1", "UV_HTTP_RETRIES": "0"}
        script: list[str | Path] = [
            sys.executable,
            self.folder / "requirements/install.py",
            self.environment,
        ]
        flags: list[str | Path] = [
            "--no-deps",
            "--require-build-hashes",
            "--build-constraints",
            self.lock("tools"),
        ]
        return subprocess.run(
            [*script, self.lock("all"), UV, "pip", "install", *["--quiet"] * quiet, *flags],
            env={**kept, **told, "PIP_CONFIG_FILE": os.devnull, **self.settings},
            capture_output=True,
            text=True,
            check=False,
        )

    def installed(self) -> set[str]:
        found = self.environment.glob("lib/*/site-packages/*.dist-info")
        return {path.name.removesuffix(".dist-info") for path in found}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    def handler(*args: object) -> Index:
        return Index(*args, directory=str(tmp_path))  # type: ignore[arg-type]

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield Place(tmp_path, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


WITH_CUDA = {"torch-2.0", "triton-3.0", "plain-1.0", "built-1.0"}
WITHOUT_CUDA = {"torch-2.0+cpu", "plain-1.0", "built-1.0"}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, WITH_CUDA),
        ({"PIP_EXTRA_INDEX_URL": "{url}/second"}, WITHOUT_CUDA),
        ({"PIP_EXTRA_INDEX_URL": "{url}/none {url}/second"}, WITHOUT_CUDA),
        ({"PIP_FIND_LINKS": "{folder}/second/torch"}, WITHOUT_CUDA),
        ({"PIP_FIND_LINKS": "{folder}/index/plain {folder}/not-there"}, WITH_CUDA),
        ({"PIP_EXTRA_INDEX_URL": "{url}/404"}, WITH_CUDA),
    ],
    ids=str,
)
def test_torch_is_the_build_that_the_places_have(
    place: Place, settings: dict[str, str], expected: set[str]
) -> None:
    place.settings = {
        name: value.format(url=place.url, folder=place.folder) for name, value in settings.items()
    }
    done = place.install()
    assert (done.returncode, done.stderr) == (0, "")
    assert place.installed() == expected


def test_where_a_gpu_is_it_is_the_build_with_cuda(place: Place) -> None:
    (place.folder / "nvidia-smi").write_text("#!/bin/sh\n")
    (place.folder / "nvidia-smi").chmod(0o755)
    place.settings = {
        "PIP_EXTRA_INDEX_URL": f"{place.url}/second",
        "PATH": f"{place.folder}{os.pathsep}{os.environ['PATH']}",
    }
    done = place.install()
    assert (done.returncode, done.stderr) == (0, "")
    assert "A GPU of NVIDIA is here" in done.stdout
    assert place.installed() == WITH_CUDA


@pytest.mark.parametrize("status", ["401", "403", "429", "500", "refused"])
def test_an_index_that_does_not_answer_decides_nothing(place: Place, status: str) -> None:
    url = "http://127.0.0.1:9" if status == "refused" else f"{place.url}/{status}"
    place.settings["PIP_EXTRA_INDEX_URL"] = url
    done = place.install()
    assert done.returncode == 75
    assert "Cannot tell which build of torch to install" in done.stderr
    assert url in done.stderr
    assert place.installed() == set()


def other_hash(text: str, name: str) -> str:
    """`text` with the hash of `name`, and of it alone, in which one digit differs."""
    before, pin, rest = text.partition(f"{name}==")
    digit = rest.index("sha256:") + 7
    other = "0" if rest[digit] != "0" else "1"
    return before + pin + rest[:digit] + other + rest[digit + 1 :]


def no_hash(text: str, name: str) -> str:
    return re.sub(rf"(?m)^({name}==.*?)[ \\\n]+--hash=\S+$", r"\1", text)


@pytest.mark.parametrize("change", [other_hash, no_hash])
@pytest.mark.parametrize(
    ("lock", "name"),
    [("all", "plain"), ("all", "built"), ("tools", "backend"), ("torch-cpu", "torch")],
)
def test_a_hash_that_is_wrong_or_missing_ends_it_and_names_the_package(
    place: Place, lock: str, name: str, change: object
) -> None:
    place.settings["PIP_EXTRA_INDEX_URL"] = f"{place.url}/second"
    place.write(lock, change(place.lock(lock).read_text(), name))  # type: ignore[operator]
    done = place.install()
    assert done.returncode not in (0, 75)
    assert name in done.stderr
    assert not place.installed() & {"torch-2.0", "triton-3.0", "plain-1.0", "built-1.0"}


def test_what_another_index_has_under_a_name_is_not_taken(place: Place) -> None:
    for name, version in (("plain", "1.0"), ("plain", "99.0"), ("torch", "99.0+cpu")):
        wheel(place.folder / "second", name, version, code="raise SystemExit('taken over')")
    wheel(place.folder / "second", "backend", "99.0", code="raise SystemExit('taken over')")
    place.settings["PIP_EXTRA_INDEX_URL"] = f"{place.url}/second"
    assert place.install().returncode == 0
    assert place.installed() == WITHOUT_CUDA
    assert next(place.environment.glob("lib/*/site-packages/plain.py")).read_text() == ""


def test_a_file_of_another_index_at_the_locks_version_ends_it(place: Place) -> None:
    wheel(place.folder / "third", "torch", "2.0+cpu", code="raise SystemExit('taken over')")
    place.settings["PIP_EXTRA_INDEX_URL"] = f"{place.url}/third {place.url}/second"
    done = place.install()
    assert done.returncode not in (0, 75)
    assert "torch" in done.stderr
    assert place.installed() == set()


def test_what_is_downloaded_is_told_and_each_package_is_not(place: Place) -> None:
    done = place.install(quiet=False)
    assert done.returncode == 0
    assert "about 6 GB on disk in all" in done.stdout
    assert re.search(r"Installed \d+ packages", done.stderr)
    assert "plain" not in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stop_is_passed_on_and_waited_for(tmp_path: Path, number: int, code: int) -> None:
    """uv's place is taken by a program that waits, and says how it ended."""
    uv = tmp_path / "uv"
    trap = "trap 'echo told >&2; exit 9' TERM"
    uv.write_text(f"#!/bin/sh\n{trap}\necho begun >&2\nwhile sleep 0.1; do :; done\n")
    uv.chmod(0o755)
    lock = tmp_path / "lock"
    lock.write_text("plain==1\n")
    script = [sys.executable, str(ROOT / "requirements/install.py")]
    process = subprocess.Popen(
        [*script, str(tmp_path), str(lock), str(uv), "pip", "install"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    assert process.stderr.readline() == "begun\n"
    process.send_signal(number)
    output, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (code, "told\n")
    name = signal.Signals(number).name
    assert output == f"Stopped by {name}; the same command continues.\n"
