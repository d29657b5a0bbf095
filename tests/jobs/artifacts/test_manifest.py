"""What a manifest may say of its files, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.artifacts.folders import digest_of_all
from jobs.artifacts.manifest import MANIFEST, File, digest
from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix
from tests.support.pico import commit

DIGEST = "ab" * 32


def rewritten(folder: Path, *files: dict[str, Any]) -> None:
    """A manifest that lists these files and has the right digest, as a forger would write it."""
    path = folder / MANIFEST
    manifest = json.loads(path.read_text())
    manifest["files"] = files
    listed = tuple(File.model_construct(**file) for file in files)
    manifest["digest"] = digest(manifest["kind"], listed)
    path.write_text(json.dumps(manifest))


def one(**changes: Any) -> dict[str, Any]:
    return {"path": "a.txt", "bytes": 1, "digest": DIGEST, "algorithm": "blake3", **changes}


def test_plain_paths_are_read(tmp_path: Path) -> None:
    commit(str(tmp_path), "test", {"a.txt": b"1", "x/..y/é z.txt": b"2"})
    assert Artifact.open(str(tmp_path)).paths == ["a.txt", "x/..y/é z.txt"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "..",
        "../a",
        "x/../../a",
        "x/./a",
        "x//a",
        "x/",
        ".",
        r"..\a",
        "a\0",
        "a\n",
    ],
)
def test_paths_that_could_lie_elsewhere_are_refused(tmp_path: Path, path: str) -> None:
    commit(str(tmp_path), "test", {"a.txt": b"1"})
    rewritten(tmp_path, one(path=path))
    with pytest.raises(BadInputError) as caught:
        Artifact.open(str(tmp_path))
    expected = f"{MANIFEST} is not a manifest: files.0.path: {path!r} is no plain relative path"
    assert str(caught.value) == f"{tmp_path}/{expected}"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([one(bytes=-1)], "files.0.bytes: expected at least 0"),
        ([one(digest="ab")], "files.0.digest: expected a digest, 64 of the digits 0-9 and a-f"),
        (
            [one(digest=DIGEST + "\n")],
            "files.0.digest: expected a digest, 64 of the digits 0-9 and a-f",
        ),
        (
            [one(digest=DIGEST.upper())],
            "files.0.digest: expected a digest, 64 of the digits 0-9 and a-f",
        ),
        ([one(algorithm="md5")], "files.0.algorithm: expected blake3 or sha256"),
        ([one(sha256=DIGEST)], "files.0.sha256: is unknown"),
        ([one(), one(bytes=2)], "files: 'a.txt' is listed twice"),
        ([one(**{"é\n" * 100: 1})], r"files.0.\xe9\n\xe9\n"),
    ],
)
def test_files_that_cannot_be_are_refused(
    tmp_path: Path, files: list[dict[str, Any]], said: str
) -> None:
    commit(str(tmp_path), "test", {"a.txt": b"1"})
    rewritten(tmp_path, *files)
    with pytest.raises(BadInputError) as caught:
        Artifact.open(str(tmp_path))
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_with_a_name_that_no_artifact_may_have_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a\nb").write_text("")
    with pytest.raises(BadInputError, match=r"has a file of a bad name: path: 'a\\nb' is no plain"):
        digest_of_all(Prefix(tmp_path))
