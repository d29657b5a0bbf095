"""Artifacts: whole or not at all."""

import json
from pathlib import Path

import pytest
from blake3 import blake3

from jobs.artifacts.manifest import MANIFEST, Work, digest, find_manifest
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter, LostRaceError
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix
from tests.support.paths import attempt_in
from tests.support.pico import commit

WORK = Work(kind="articles", producer="crawl 1", settings={"period": "2026-10"}, inputs={})


def test_files_and_digest_are_recorded(store: str) -> None:
    artifact = commit(store, "articles", {"b.txt": b"bb", "a.txt": b"a"}, articles=2)
    manifest = json.loads(Prefix(store).read(MANIFEST))
    assert [(f["path"], f["bytes"]) for f in manifest["files"]] == [("a.txt", 1), ("b.txt", 2)]
    digests = [blake3(data).hexdigest() for data in (b"a", b"bb")]
    assert [(f["algorithm"], f["digest"]) for f in manifest["files"]] == [
        ("blake3", digest) for digest in digests
    ]
    text = f'["articles",[["a.txt",1,"blake3","{digests[0]}"],["b.txt",2,"blake3","{digests[1]}"]]]'
    assert manifest["digest"] == blake3(text.encode()).hexdigest() == artifact.digest
    opened = Artifact.open(store, "articles")
    assert opened.read("b.txt") == b"bb"
    assert opened.statistics == {"articles": 2}


def test_without_a_manifest_there_is_no_artifact(store: str) -> None:
    Prefix(store).write("a.txt", b"a")
    with pytest.raises(BadInputError, match="no artifact at"):
        Artifact.open(store)


def test_another_kind_is_refused(tmp_path: Path) -> None:
    commit(str(tmp_path), "rows", {"a": b"a"})
    with pytest.raises(
        BadInputError, match="holds 'rows', expected 'articles'; give the URI of one"
    ):
        Artifact.open(str(tmp_path), "articles")


def test_missing_and_truncated_files_are_named(tmp_path: Path) -> None:
    commit(str(tmp_path), "rows", {"a": b"a", "b": b"bb"})
    place = attempt_in(tmp_path)
    (place / "a").unlink()
    (place / "b").write_bytes(b"b")
    with pytest.raises(BadInputError, match="missing a; b has 1 bytes, expected 2"):
        Artifact.open(str(tmp_path))


def test_altered_bytes_are_found_when_read_whole(tmp_path: Path) -> None:
    artifact = commit(str(tmp_path), "rows", {"a": b"good"})
    (attempt_in(tmp_path) / "a").write_bytes(b"evil")
    with pytest.raises(BadInputError, match="is corrupt"):
        artifact.read("a")
    with pytest.raises(BadInputError, match="is corrupt"):
        artifact.local_copy(tmp_path / "scratch")


def test_an_altered_manifest_is_refused(tmp_path: Path) -> None:
    commit(str(tmp_path), "rows", {"a": b"good"})
    manifest = tmp_path / MANIFEST
    manifest.write_text(manifest.read_text().replace('"bytes": 4', '"bytes": 5'))
    with pytest.raises(BadInputError, match="was altered"):
        Artifact.open(str(tmp_path))


def test_the_loser_of_a_race_takes_the_winners(store: str) -> None:
    first, second = (ArtifactWriter(Prefix(store), WORK, {}) for _ in range(2))
    first.write("a", b"same")
    second.write("a", b"same")
    assert first.commit({"by": "first"}).statistics == {"by": "first"}
    assert second.commit({"by": "second"}).statistics == {"by": "first"}


def test_the_loser_does_not_touch_the_winners_files(store: str) -> None:
    winner, loser = (ArtifactWriter(Prefix(store), WORK, {}) for _ in range(2))

    def lose() -> None:
        with loser.open("b") as file:
            file.write(b"theirs")
            winner.write("a", b"ours")
            winner.write("b", b"mine")
            winner.commit({})

    for losing in (lose, lambda: loser.write("a", b"evil")):
        with pytest.raises(LostRaceError):
            losing()
    found = Artifact.open(store)
    assert (found.read("a"), found.read("b")) == (b"ours", b"mine")


def test_what_a_killed_job_left_is_not_seen(store: str, tmp_path: Path) -> None:
    Prefix(store).write("model.safetensors", b"left over")
    artifact = commit(store, "model", {"model-00001-of-00002.safetensors": b"good"})
    (tmp_path / "scratch").mkdir()
    folder = artifact.local_copy(tmp_path / "scratch")
    assert [path.name for path in folder.iterdir()] == ["model-00001-of-00002.safetensors"]


def test_what_is_no_json_is_named(tmp_path: Path) -> None:
    artifact = commit(str(tmp_path), "model", {"config.json": b"{"})
    with pytest.raises(BadInputError, match=r"config\.json is not JSON"):
        artifact.read_json("config.json")


def test_nothing_is_committed_when_a_file_vanished(tmp_path: Path) -> None:
    writer = ArtifactWriter(Prefix(tmp_path), WORK, {})
    writer.write("a", b"a")
    (attempt_in(tmp_path) / "a").unlink()
    with pytest.raises(BadInputError, match="missing a"):
        writer.commit({})
    assert find_manifest(Prefix(tmp_path)) is None


def test_differences_are_told() -> None:
    files = ()
    from datetime import UTC, datetime

    from jobs.artifacts.manifest import Input, Manifest, Producer

    manifest = Manifest(
        kind="rows",
        attempt="attempt-0123456789ab",
        files=files,
        digest=digest("rows", files),
        inputs={"articles": Input(uri="/a", digest="11")},
        settings={"sequence_length": 4096},
        producer=Producer(job="pack", version="1"),
        statistics={},
        created=datetime(2026, 1, 1, tzinfo=UTC),
    )
    same = Work.of(manifest)
    assert manifest.differences(same) == []
    other = same.model_copy(
        update={"settings": {"sequence_length": 512}, "inputs": {"articles": "22"}}
    )
    assert manifest.differences(other) == [
        "setting sequence_length was 4096, now 512",
        "input articles was 11, now 22",
    ]
