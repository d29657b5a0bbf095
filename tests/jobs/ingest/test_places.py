"""A model is what its files are, wherever they lie: in a folder, a bucket, or another store."""

import re
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

import boto3
import pytest

from jobs.artifacts.reading import Artifact
from jobs.command.running import begin
from jobs.errors import BadInputError, TransientError
from jobs.ingest.checks import check_side_files
from jobs.ingest.inside import open_inside, refuse_pointer
from jobs.ingest.settings import IngestSettings
from jobs.ingest.source import open_source
from jobs.store.failures import Patience
from jobs.store.prefix import Prefix
from tests.jobs.ingest.sources import INDEX, ingest, sharded
from tests.support.buckets import upload
from tests.support.faulty_proxy import FaultyProxy, at_random
from tests.support.pico import commit, run_job


def again(source: str, out: str) -> None:
    """The artifact at `out` is what this source makes, too."""
    assert begin(IngestSettings.from_flags([f"--from={source}", f"--out={out}"]), {}) is None


def same_model(one: Artifact, other: Artifact) -> None:
    assert one.digest == other.digest
    assert one.manifest.settings == other.manifest.settings


def test_a_bucket_a_folder_and_a_uri_of_it_are_one_model(
    folder: Path, tmp_path: Path, s3_store: str
) -> None:
    """Shards, a named chat template, an empty object that marks a folder, a deeper file."""
    sharded(folder)
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates/rag.jinja").write_text("{{ messages }}")
    bucket = upload(folder, f"{s3_store}/given/model")
    name, key = bucket.removeprefix("s3://").split("/", 1)
    for marker in ("", "additional_chat_templates/", "onnx/"):
        boto3.client("s3").put_object(Bucket=name, Key=f"{key}/{marker}", Body=b"")
    Prefix(bucket).write("onnx/model.onnx", b"another form")
    of_bucket = ingest(bucket, f"{s3_store}/a")
    of_folder = ingest(folder, tmp_path / "b")
    same_model(of_bucket, of_folder)
    assert of_bucket.manifest.settings["source"].startswith("folder ")
    assert of_bucket.statistics["source"] == bucket
    assert "additional_chat_templates/rag.jinja" in of_bucket
    for source in (bucket, f"{bucket}/", str(folder), f"file://{folder}"):
        again(source, f"{s3_store}/a")
        again(source, str(tmp_path / "b"))


def test_what_other_files_make_is_another_model(folder: Path, s3_store: str) -> None:
    bucket, out = upload(folder, f"{s3_store}/given"), f"{s3_store}/out"
    ingest(bucket, out)
    Prefix(bucket).write("LICENSE", b"other terms")
    with pytest.raises(BadInputError, match="already holds another artifact: setting source was"):
        again(bucket, out)


def test_from_a_bucket_as_a_process(folder: Path, s3_store: str) -> None:
    bucket, out = upload(folder, f"{s3_store}/given"), f"{s3_store}/out"
    for said in ("committed", "already-done"):
        done = run_job("ingest", f"--from={bucket}", f"--out={out}")
        assert (done.returncode, said in done.stderr) == (0, True), done.stderr


@pytest.mark.parametrize("elsewhere", ["folder", "s3"])
def test_the_model_of_another_store_is_taken_with_its_digests(
    folder: Path, tmp_path: Path, s3_store: str, elsewhere: str
) -> None:
    other = f"{s3_store}/other/base" if elsewhere == "s3" else str(tmp_path / "other/base")
    made = ingest(folder, other)
    taken = ingest(other, tmp_path / "taken")
    assert taken.digest == made.digest
    again(other, str(tmp_path / "taken"))
    again(str(folder), str(tmp_path / "taken"))
    file = "model.safetensors"
    data = made.read(file)
    made.place.write(file, data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(BadInputError, match=r"/base/model\.safetensors is corrupt: blake3 "):
        ingest(other, tmp_path / "again")
    with pytest.raises(BadInputError, match=r"/base/model\.safetensors is corrupt: blake3 "):
        again(other, str(tmp_path / "taken"))
    assert not (tmp_path / "again/manifest.json").exists()


def test_what_is_read_and_not_copied_is_verified_too(folder: Path, tmp_path: Path) -> None:
    sharded(folder)
    made = ingest(folder, tmp_path / "other")
    index = made.read(INDEX)
    made.place.write(INDEX, index.replace(b'"total_size": ', b'"total_sise": '))
    with pytest.raises(BadInputError, match=r"other/model\.safetensors\.index\.json is corrupt"):
        ingest(tmp_path / "other", tmp_path / "out")


def test_a_file_that_changes_while_it_is_copied_may_be_tried_again(
    folder: Path, tmp_path: Path, s3_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = upload(folder, f"{s3_store}/given")

    def changed(file: IO[bytes], where: str) -> None:
        refuse_pointer(file, where)
        if where.endswith("model.safetensors"):
            Prefix(bucket).write("model.safetensors", b"0" * 2**20)

    monkeypatch.setattr("jobs.ingest.source.refuse_pointer", changed)
    monkeypatch.setattr("jobs.store.reading.READ_BUFFER_BYTES", 2**12)
    with pytest.raises(TransientError, match="was written anew while it was read"):
        ingest(bucket, tmp_path / "out")
    assert not (tmp_path / "out/manifest.json").exists()


def test_a_config_that_changes_between_its_readings(
    folder: Path, tmp_path: Path, s3_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = upload(folder, f"{s3_store}/given")

    def changed(model: Artifact) -> None:
        check_side_files(model)
        Prefix(bucket).write("config.json", b"{}")

    monkeypatch.setattr("jobs.ingest.work.check_side_files", changed)
    with pytest.raises(TransientError, match=r"/given/config\.json was changed while it was read"):
        ingest(bucket, tmp_path / "out")


def test_a_server_that_fails_now_and_then_gives_the_same_model(
    folder: Path, tmp_path: Path, s3_endpoint: str, s3_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = upload(folder, f"{s3_store}/given")
    with FaultyProxy(s3_endpoint, at_random(0.3, seed=12)) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        of_bucket = ingest(bucket, tmp_path / "a")
    same_model(of_bucket, ingest(folder, tmp_path / "b"))


def test_a_server_that_is_not_there_may_be_tried_again(
    tmp_path: Path, s3_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listening.getsockname()[1]}")
        monkeypatch.setattr(Prefix.__init__, "__defaults__", (Patience(1, 1),))
        with pytest.raises(TransientError, match=f"store failed at {s3_store}/: nothing listens"):
            ingest(s3_store, tmp_path / "out")


def without(name: str) -> Callable[[str], object]:
    return lambda uri: Prefix(uri).delete(name)


def with_file(name: str, data: bytes) -> Callable[[str], object]:
    return lambda uri: Prefix(uri).write(name, data)


SPOILT: list[tuple[Callable[[str], object], str, str]] = [
    (without("config.json"), "", "/given is no model: it has no config.json"),
    (without("tokenizer.json"), "", "/given has no tokenizer: expected tokenizer.json"),
    (without("model.safetensors"), "", "/given has no model*.safetensors, no weights"),
    (with_file("model.safetensors", b"x"), "", "/given/model.safetensors is no safetensors file"),
    (with_file("config.json", b"{"), "", "/given/config.json is not JSON"),
    (with_file("model.safetensors", b"version https://git-lfs.github.com/spec/v1\n"), "",
     "/given/model.safetensors is Git LFS's pointer to a file, not the file"),
    (lambda _: None, "/none", "/given/none is no model: no file lies right below it; give"),
    (lambda _: None, "/config.json", "/config.json is no model: no file lies right below it"),
    (lambda uri: commit(f"{uri}/news", "articles", {"a": b"a"}), "/news",
     "/given/news holds 'articles', expected 'model'"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "below", "said"), SPOILT)
def test_a_bucket_without_a_model(
    folder: Path, tmp_path: Path, s3_store: str,
    spoil: Callable[[str], object], below: str, said: str,
) -> None:  # fmt: skip
    bucket = upload(folder, f"{s3_store}/given")
    spoil(bucket)
    with pytest.raises(BadInputError, match=re.escape(said)) as caught:
        ingest(bucket + below, tmp_path / "out")
    assert len(str(caught.value).splitlines()) == 1


NO_SOURCES = [
    ("s3:/bucket/x", "--from 's3:/bucket/x' is wrong: looks like a URI; write s3://bucket/x, or"),
    ("s3:bucket", "looks like a URI; write s3://bucket, or ./s3:bucket for a folder of this name"),
    ("s3//bucket/x", "looks like a URI; write s3://bucket/x"),
    ("S3://bucket/x", "has the unknown scheme 'S3'; write s3://bucket/x"),
    ("s3a://bucket/x", "has the unknown scheme 's3a'; write s3://bucket/x"),
    ("gcs://bucket", "has the unknown scheme 'gcs'; write gs://bucket"),
    ("hf://owner/name", "has the unknown scheme 'hf'; write s3://bucket/prefix, gs://"),
    ("https://huggingface.co/a/b", "has the unknown scheme 'https'"),
    ("s3://", "names no bucket; write s3://bucket/prefix"),
    ("s3:///x", "names no bucket; write s3://x"),
    ("s3://b/../x", "has a step . or .., which another reader takes for another place"),
    ("s3://bucket/x?versionId=1", "has a query or fragment"),
    ("s3://buck et/x", "has a bucket of the name 'buck et'"),
    ("s3://b/{{workflow.name}}", "has a workflow's tag"),
    ("file://host/x", "names a host; write file:///host/x"),
    ("s3\\bucket\\x", "looks like a URI; write s3://bucket/x"),
    ("~/models/x", "begins with ~, which only a shell replaces; write it out"),
    ("$HOME/x", "begins with $, which only a shell replaces; write it out"),
    ("//models/x", "begins with //; write /models/x"),
    (" a/b", "begins or ends with a blank"),
    ("file:///no/such/folder", "--from '/no/such/folder' is neither a folder nor a hub id"),
    ("/no/such/folder", "nor a hub id (owner/name), nor a URI such as s3://bucket/prefix"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "said"), NO_SOURCES)
def test_what_names_no_source(tmp_path: Path, source: str, said: str) -> None:
    with pytest.raises(BadInputError, match=re.escape(said)) as caught:
        ingest(source, tmp_path / "out")
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_secrets_of_a_uri_are_not_shown(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="holds a user name or password") as caught:
        ingest("s3://key:hunter2@bucket/x", tmp_path / "out")
    assert "hunter2" not in str(caught.value)


def test_a_bucket_that_is_not_there_and_a_revision(tmp_path: Path, s3_store: str) -> None:
    with pytest.raises(BadInputError, match="there is no bucket for s3://no-such-bucket/x; create"):
        ingest("s3://no-such-bucket/x", tmp_path / "out")
    flags = [f"--from={s3_store}", "--revision=main", f"--out={tmp_path}/out"]
    job = begin(IngestSettings.from_flags(flags), {})
    assert job is not None
    with pytest.raises(
        BadInputError, match=r"--revision main goes with a hub id, and s3://\S+ is "
    ):
        open_source(s3_store, "main")


def test_a_folder_is_read_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is recorded is what was copied: nothing is read before, or again after."""
    opened: list[str] = []

    def noted(folder: Path, name: str) -> AbstractContextManager[IO[bytes]]:
        opened.append(name)
        return open_inside(folder, name)

    monkeypatch.setattr("jobs.ingest.source.open_inside", noted)
    ingest(folder, tmp_path / "out")
    assert opened.count("model.safetensors") == 1
