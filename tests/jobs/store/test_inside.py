"""What lies directly below a place, a folder or a bucket, and which texts name such a place."""

from pathlib import Path

import boto3
import pytest

from jobs.artifacts.folders import digest_of_all
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix
from jobs.store.source import check_source, place_of


def test_files_and_folders_right_below(store: str) -> None:
    place = Prefix(store)
    for path in ("a", "b c/d", "b c/e/f", "é"):
        place.write(path, path.encode())
    assert place.inside() == ({"a": 1, "é": 2}, {"b c"})
    assert place.inside("b c") == ({"b c/d": 5}, {"b c/e"})
    assert place.inside("none") == ({}, set())
    assert Prefix(f"{store}/none").inside() == ({}, set())


def test_marks_of_folders_are_no_files(s3_store: str, tmp_path: Path) -> None:
    """What the console of a cloud leaves does not change what the files are together."""
    bucket, key = s3_store.removeprefix("s3://").split("/", 1)
    for name in ("", "x/", "y/"):
        boto3.client("s3").put_object(Bucket=bucket, Key=f"{key}/{name}", Body=b"")
    place, folder = Prefix(s3_store), Prefix(tmp_path)
    for one in (place, folder):
        one.write("x/file", b"1")
        one.write("empty", b"")
    assert place.inside() == ({"empty": 0}, {"x", "y"})
    assert place.inside("x") == ({"x/file": 1}, set())
    assert digest_of_all(place) == digest_of_all(folder)


def test_a_bucket_that_is_not_there_is_not_empty(s3_store: str) -> None:
    assert s3_store
    with pytest.raises(BadInputError, match="there is no bucket for s3://no-such-bucket/x"):
        Prefix("s3://no-such-bucket/x").inside()


def test_what_names_a_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner/name").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    here = str(tmp_path / "owner/name")
    for where, place in (
        ("owner/name", here), ("./owner/name/", here), (here, here), (f"file://{here}", here),
        ("s3://b/x", "s3://b/x"), ("gs://b", "gs://b"), ("az://b/x", "az://b/x"),
        ("owner/other", None), ("file", None), ("file:///no/such", None), ("a\0b", None),
        ("S3://b", None), ("s3://b/../x", None), ("", None), ("x" * 5000, None),
    ):  # fmt: skip
        assert place_of(where) == place, where


def test_ids_of_the_hub_pass_whatever_their_owner_is_called() -> None:
    for where in ("s3/model", "gs/x", "az/x.y", "Qwen/Qwen2.5-0.5B", "./s3:/x", "/a:b", "../x"):
        assert check_source(where) == where
