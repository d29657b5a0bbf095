"""What the benchmark of kills must find: everything that kills could leave, and a job that errs."""

import io
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from benchmarks.kills.check import find_artifact, find_releases
from benchmarks.kills.draws import Kill, Way, draw
from benchmarks.kills.fleet import Place
from benchmarks.kills.rounds import Subject
from benchmarks.kills.s3_server import strict
from jobs.artifacts.manifest import Input, Work
from jobs.artifacts.reading import Artifact
from jobs.artifacts.releases import add
from jobs.artifacts.writing import ArtifactWriter
from jobs.store.prefix import Prefix
from pipelines.local.engine import Step

WORK = Work(kind="rows", producer="pack 1", settings={}, inputs={})


def made(uri: str) -> Artifact:
    writer = ArtifactWriter(Prefix(uri), WORK, {})
    writer.write("data/rows", b"rows")
    checkpoint = writer.beside("checkpoints/step-1", "checkpoint")
    checkpoint.write("state", b"state")
    checkpoint.commit({})
    return writer.commit({})


def test_a_whole_artifact_is_what_its_digest_says(store: str) -> None:
    digest = made(store).digest
    found = find_artifact(store)
    assert (found.identity, found.wrong) == (digest, ())


def test_a_changed_file_a_missing_one_and_what_is_left_are_found(store: str) -> None:
    attempt = made(store).manifest.attempt
    prefix = Prefix(store)
    prefix.write(f"{attempt}/data/rows", b"sowr")
    assert "data/rows is corrupt" in " ".join(find_artifact(store).wrong)
    prefix.write(f"{attempt}/data/rows", b"rows")
    left = ["attempt-0123456789ab/data/rows", f"{attempt}/scaffolding", "checkpoints/step-0/state"]
    for path in left:
        prefix.write(path, b"x")
    assert sorted(find_artifact(store).wrong) == sorted(f"left over: {path}" for path in left)
    for path in left:
        prefix.delete(path)
    prefix.delete(f"{attempt}/data/rows")
    found = find_artifact(store)
    assert found.identity is None
    assert "missing data/rows" in found.wrong[0]
    prefix.delete("manifest.json")
    assert find_artifact(store).wrong[0].startswith("no manifest.json")


def test_half_written_files_and_empty_folders_of_a_folder_are_found(tmp_path: Path) -> None:
    attempt = made(str(tmp_path)).manifest.attempt
    (tmp_path / "attempt-0123456789ab").mkdir()
    (tmp_path / str(attempt) / "rows#1").write_bytes(b"half")
    assert find_artifact(str(tmp_path)).wrong == (
        "left over: attempt-0123456789ab/",
        f"left over: {attempt}/rows#1",
    )


def test_one_release_record_and_no_more(store: str) -> None:
    def release(digest: str) -> None:
        item = Input(uri="/m", digest=digest)
        add(Prefix(store), "m", candidate=item, report=item, decision="GO", reasons=())

    release("a" * 64)
    first = find_releases(store)
    assert first.wrong == ()
    release("b" * 64)
    assert find_releases(store).wrong == (
        "2 release records, expected 1: ['m/000001.json', 'm/000002.json']",
    )
    assert find_releases(f"{store}/nothing").wrong == ("0 release records, expected 1: []",)


def test_draws_are_as_promised_and_the_same_for_a_seed() -> None:
    rounds = draw(Random("0 train s3"), 16)
    assert rounds == draw(Random("0 train s3"), 16) != draw(Random("1 train s3"), 16)
    kills = [kill for one in rounds for kill in one]
    assert Counter((kill.way, kill.writing) for kill in kills) == {
        (way, writing): times
        for way, times in ((Way.KILL, 4), (Way.TERM, 2), (Way.TWO, 2))
        for writing in (True, False)
    }
    assert all(kill.way is Way.KILL for one in rounds if len(one) > 1 for kill in one)


JOB = """
import sys, time
from jobs.artifacts.manifest import Work
from jobs.artifacts.writing import ArtifactWriter
from jobs.command.running import write_outputs
from jobs.store.prefix import Prefix

_, odd, _, out = sys.argv
prefix = Prefix(out)
begun_before = any(prefix.list())
if not prefix.exists("manifest.json"):
    work = Work(kind="rows", producer="pack 1", settings={}, inputs={})
    writer = ArtifactWriter(prefix, work, {})
    writer.write("a", b"a")
    time.sleep(0.3)
    writer.write("b", b"other" if odd == "odd" and begun_before else b"b")
    writer.commit({})
write_outputs({"digest": "d"})
"""


@pytest.mark.parametrize("odd", ["odd", "even"])
def test_a_job_that_makes_something_else_after_a_kill_is_found(tmp_path: Path, odd: str) -> None:
    job = tmp_path / "job.py"
    job.write_text(JOB)
    argv = ("python", str(job), odd, "--out", "elsewhere")
    step = Step("rows", "pack", {}, argv, {}, ("digest",), None, 30)
    subject = Subject(Place(step, str(tmp_path / "store")), tmp_path / "logs")
    assert 0.3 < subject.undisturbed.writing_seconds < subject.undisturbed.seconds
    done = subject.round([Kill(Way.KILL, writing=True, fraction=0.3)], Random(0))
    assert done.attempts == 2
    assert done.wrong.startswith("other result") if odd == "odd" else not done.wrong


def test_the_s3_server_lets_only_whole_bodies_through() -> None:
    seen = []

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        seen.append(environ["wsgi.input"].read())
        return [b"kept"]

    def put(body: bytes) -> list[object]:
        said: list[object] = []
        environ = {"CONTENT_LENGTH": "4", "wsgi.input": io.BytesIO(body)}
        answer = strict(application)(environ, lambda status, _: said.append(status))
        return [*said, *answer]

    assert put(b"all!") == ["200 OK", b"kept"]
    assert put(b"all") == ["400 Bad Request", b""]
    assert seen == [b"all!"]
