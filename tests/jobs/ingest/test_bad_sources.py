"""Sources that are broken or odd: one line and an exit code, never a traceback or an artifact."""

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.ingest.files import choose

CONFIG = b'{"architectures": ["OddForCausalLM"], "model_type": "odd"}'
TOKENIZER = b'{"model": {"vocab": {"a": 0, "b": 1}}, "added_tokens": []}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The least that is a model."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "config.json").write_bytes(CONFIG)
    (folder / "tokenizer.json").write_bytes(TOKENIZER)
    (folder / "model.safetensors").write_bytes(save({"a": np.zeros(2, np.float32)}))
    return folder


def ingest(out: Path, *flags: str, **environment: str) -> tuple[int, str]:
    """Exit code and what was said."""
    result = subprocess.run(
        [sys.executable, "-m", "jobs.ingest", *flags, f"--out={out}"],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    return result.returncode, result.stderr


def assert_refused(out: Path, code: int, error: str, said: str, expected_code: int = 64) -> None:
    assert said in error
    assert code == expected_code
    assert "Traceback" not in error
    assert sum("ERROR" in line for line in error.splitlines()) == 1
    assert not (out / "manifest.json").exists()


def test_links_of_the_hubs_cache_are_followed_and_subfolders_left_out(
    folder: Path, tmp_path: Path
) -> None:
    repository = tmp_path / "models--owner--name"
    blobs, snapshot = repository / "blobs", repository / "snapshots/0123abc"
    repository.mkdir()
    folder.rename(blobs)
    snapshot.mkdir(parents=True)
    for path in blobs.iterdir():
        (snapshot / path.name).symlink_to(f"../../blobs/{path.name}")
    shutil.copytree(blobs, snapshot / "model-old.safetensors")
    (snapshot / "notes.txt").symlink_to("nowhere")
    code, error = ingest(tmp_path / "out", f"--from={snapshot}")
    assert code == 0, error
    model = Artifact.open(str(tmp_path / "out"), "model")
    assert model.paths == ["config.json", "model.safetensors", "tokenizer.json"]


def broken_link(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to("../blobs/nothing")


def link_to_itself(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to("config.json")


def directory(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()


def pipe(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    os.mkfifo(folder / "model.safetensors")


def header_that_lies(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data + b"1")


def config(text: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "config.json").write_bytes(text)

    return write


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (broken_link, "source/model.safetensors cannot be read: No such file"),
        (link_to_itself, "config.json cannot be read: Too many levels of symbolic links"),
        (directory, "has no model*.safetensors, no weights"),
        (pipe, "source/model.safetensors is no regular file; put a file there"),
        (header_that_lies, "its header says"),
        (config(b"[" * 10**5), "config.json is not JSON that can be read: it nests too deep"),
        (config(b"\xff"), "config.json is not JSON: the byte 0xff at"),
        (config(b'{"architectures": {"a": 1}}'), "config.json names no architecture"),
        (config(b'{"architectures": [[]]}'), "names the architecture a list of 0, expected"),
    ],
)
def test_a_spoiled_folder_is_refused(
    folder: Path, tmp_path: Path, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(folder)
    out = tmp_path / "out"
    assert_refused(out, *ingest(out, f"--from={folder}"), said)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "tokenizer.json").chmod(0)
    code, error = ingest(tmp_path / "out", f"--from={folder}")
    assert_refused(tmp_path / "out", code, error, "tokenizer.json cannot be read: Permission")


def test_a_file_larger_than_the_store_takes_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "LICENSE").write_bytes(bytes(10**7))
    limited = (
        "import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6)); "
        "runpy.run_module('jobs.ingest', run_name='__main__')"
    )
    result = subprocess.run(
        [sys.executable, "-c", limited, f"--from={folder}", f"--out={tmp_path}/out"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert_refused(tmp_path / "out", result.returncode, result.stderr, "File too large")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--from=" + "a" * 5000], "is neither a folder nor a hub id"),
        (["--from=owner/näme"], "is neither a folder nor a hub id"),
        (["--from=../owner/name"], "is neither a folder nor a hub id"),
        (["--from=owner/name\n"], r"'--from=owner/name\n' has the character '\n'; leave it out"),
        (["--from=owner/name", "--revision=a b"], "--revision 'a b' is wrong: expected a commit"),
        (
            ["--from=owner/name", "--revision=\udcff"],
            r"'--revision=\udcff' has the character '\udcff'",
        ),
        (["--from=owner/name", "--revision=a\nb"], r"'--revision=a\nb' has the character '\n'"),
        (["--from=-owner/name--x"], "is neither a folder nor a hub id"),
    ],
)
def test_what_names_no_model_is_refused(tmp_path: Path, flags: list[str], said: str) -> None:
    code, error = ingest(tmp_path / "out", *flags, HF_ENDPOINT="http://127.0.0.1:9")
    assert_refused(tmp_path / "out", code, error, said)


@pytest.fixture
def answers() -> Iterator[tuple[str, dict[str, tuple[int, bytes]]]]:
    """Address of a server, and what it answers with by path."""
    said: dict[str, tuple[int, bytes]] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = said.get(self.path, (404, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", said
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "said", "expected_code"),
    [
        (200, b"<html>log in first</html>", "is no hub", 64),
        (200, b"[1]", "is no hub", 64),
        (200, b"{}", "is no hub", 64),
        (500, b"", "the hub failed for owner/name", 75),
        (429, b"", "the hub failed for owner/name", 75),
        (403, b"", "the hub refuses owner/name (403); check the name and what HF_TOKEN", 64),
        (410, b"", "the hub refuses owner/name (410)", 64),
        (
            200,
            json.dumps({"id": "owner/name", "siblings": [{"rfilename": "x/config.json"}]}).encode(),
            "owner/name is no model: it has no config.json",
            64,
        ),
    ],
)
def test_a_hub_that_answers_oddly_is_no_crash(
    answers: tuple[str, dict[str, tuple[int, bytes]]],
    tmp_path: Path,
    status: int,
    body: bytes,
    said: str,
    expected_code: int,
) -> None:
    address, by_path = answers
    by_path["/api/models/owner/name"] = (status, body)
    out = tmp_path / "out"
    code, error = ingest(
        out, "--from=owner/name", HF_ENDPOINT=address, HF_HOME=str(tmp_path / "home")
    )
    assert_refused(out, code, error, said, expected_code)


def test_a_hub_that_may_not_be_asked_is_no_failure_of_it(tmp_path: Path) -> None:
    code, error = ingest(tmp_path / "out", "--from=owner/name", HF_HUB_OFFLINE="1")
    assert_refused(
        tmp_path / "out", code, error, "no folder here, and HF_HUB_OFFLINE forbids to ask"
    )


def test_nothing_is_written_among_an_artifacts_files(folder: Path, tmp_path: Path) -> None:
    artifact = tmp_path / "first"
    assert ingest(artifact, f"--from={folder}")[0] == 0
    (attempt,) = artifact.glob("attempt-*")
    within = attempt / "model"
    assert_refused(
        within, *ingest(within, f"--from={folder}"), "lies among an artifact's own files"
    )


def test_names_with_folders_are_not_chosen() -> None:
    names = ["config.json", "tokenizer.json", "model.safetensors"]
    odd = ["model/../../x.safetensors", "LICENSES/a", "model\\x.safetensors"]
    assert choose([*names, *odd], "/m") == sorted(names)
    with pytest.raises(BadInputError, match=r"has a file named 'LICENSE\\n'; rename it"):
        choose([*names, "LICENSE\n"], "/m")
