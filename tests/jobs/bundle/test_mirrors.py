"""A mirror of the data sets in a bucket seals what the same files in a folder seal."""

import re
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from jobs.artifacts.folders import digest_of_all
from jobs.artifacts.reading import Artifact
from jobs.bundle.settings import BundleSettings
from jobs.bundle.work import seal as seal_suite
from jobs.command.running import begin, finish
from jobs.errors import BadInputError, TransientError
from jobs.store.prefix import Prefix
from tests.support.buckets import upload
from tests.support.hub_mirror import write_demo_mirror
from tests.support.pico import commit, run_job

ARC = "allenai/ai2_arc/ARC-Easy/test.jsonl"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_demo_mirror(tmp_path / "mirror")


@pytest.fixture
def bucket(folder: Path, s3_store: str) -> str:
    return upload(folder, f"{s3_store}/mirror")


def seal(source: object, out: object) -> Artifact | None:
    """None where it is there already."""
    settings = BundleSettings.from_flags(["--suite=demo", f"--from={source}", f"--out={out}"])
    job = begin(settings, {})
    return None if job is None else finish(job, seal_suite(job))


def test_a_bucket_and_a_folder_seal_one_bundle(
    folder: Path, bucket: str, tmp_path: Path, s3_store: str
) -> None:
    name, key = bucket.removeprefix("s3://").split("/", 1)
    for marker in ("", "allenai/", "empty/"):  # as consoles mark folders
        boto3.client("s3").put_object(Bucket=name, Key=f"{key}/{marker}", Body=b"")
    of_bucket, of_folder = seal(bucket, f"{s3_store}/out"), seal(folder, tmp_path / "out")
    assert of_bucket is not None
    assert of_folder is not None
    assert of_bucket.digest == of_folder.digest
    assert of_bucket.manifest.settings == of_folder.manifest.settings
    assert of_bucket.manifest.settings["source"].startswith("folder ")
    assert (of_bucket.statistics["source"], of_bucket.statistics["sentence_model"]) == (
        bucket, "mirror",
    )  # fmt: skip
    for source in (bucket, f"{bucket}/", folder, f"file://{folder}"):
        assert seal(source, f"{s3_store}/out") is None
    (folder / "README.md").write_text("another mirror")
    with pytest.raises(BadInputError, match="already holds another artifact: setting source was"):
        seal(folder, f"{s3_store}/out")


def test_from_a_bucket_as_a_process(bucket: str, tmp_path: Path) -> None:
    done = run_job("bundle", "--suite=demo", f"--from={bucket}", f"--out={tmp_path}/out")
    assert done.returncode == 0, done.stderr


def without(path: str) -> Callable[[str], object]:
    return lambda uri: Prefix(uri).delete(path)


def with_file(path: str, data: bytes) -> Callable[[str], object]:
    return lambda uri: Prefix(uri).write(path, data)


SPOILT: list[tuple[Callable[[str], object], str, str]] = [
    (without(ARC), "", f"no data set {ARC} below s3://"),
    (with_file(ARC, b'{"question": "?"}\n{"question'), "", f"/mirror/{ARC}, line 2: not JSON"),
    (with_file(ARC, b'{"question": "\xff"}'), "", f"/mirror/{ARC}, line 1: not JSON; correct it"),
    (with_file(ARC, b"[]"), "", f"/mirror/{ARC}, line 1: expected an object"),
    (with_file(ARC, b'{"a": 1}\n{"a": [1]}'), "", f"/mirror/{ARC} mixes types in one column: 'a'"),
    (without("nltk_data/tokenizers/punkt_tab/english/abbrev_types.txt"), "",
     "/mirror/nltk_data/tokenizers/punkt_tab/english lacks abbrev_types.txt"),
    (lambda _: None, "/none", "/mirror/none; give the folder or URI below which the data sets are"),
    (lambda uri: commit(uri, "bundle", {"a": b"a"}), "", "is an artifact of the store, not a "),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "below", "said"), SPOILT)
def test_what_is_missing_in_a_bucket(
    bucket: str, tmp_path: Path, spoil: Callable[[str], object], below: str, said: str
) -> None:
    spoil(bucket)
    with pytest.raises(BadInputError, match=re.escape(said)) as caught:
        seal(bucket + below, tmp_path / "out")
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "out/manifest.json").exists()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "s3:/bucket/x",
            "--from 's3:/bucket/x' is wrong: looks like a URI; write s3://bucket/x, or",
        ),
        ("S3://bucket", "--from 'S3://bucket' is wrong: has the unknown scheme 'S3'; write s3://b"),
        ("gs:/b", "looks like a URI; write gs://b"),
        ("~/mirror", "begins with ~, which only a shell replaces"),
        (
            "owner/name",
            "--from 'owner/name' is neither a folder nor a URI such as s3://bucket/pref",
        ),
        ("/no/such", "without it the data sets come from the hub"),
        (
            "s3://no-such-bucket/x",
            "there is no bucket for s3://no-such-bucket/x; create it, or cor",
        ),
    ],
)
@pytest.mark.usefixtures("s3_store")
def test_what_names_no_mirror(tmp_path: Path, source: str, said: str) -> None:
    with pytest.raises(BadInputError, match=re.escape(said)):
        seal(source, tmp_path / "out")


def test_data_that_changes_meanwhile_may_be_tried_again(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(place: Prefix) -> str:
        found = digest_of_all(place)
        Prefix(bucket).write(ARC, b"{}")
        return found

    monkeypatch.setattr("jobs.bundle.work.digest_of_all", changed)
    with pytest.raises(TransientError, match=f"{ARC} was written anew while it was read"):
        seal(bucket, tmp_path / "out")
