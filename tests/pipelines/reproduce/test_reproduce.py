"""Making artifacts again: what is identical, what is not, and what cannot be made."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from jobs.artifacts.manifest import MANIFEST, Manifest, Producer, file_of
from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix
from pipelines.local.record import StepRecord
from pipelines.local.run import Ran
from pipelines.reproduce import reproduce as reproducing
from pipelines.reproduce.choosing import Made, chosen, made_by_run
from pipelines.reproduce.commands import SkippedError, command, read_given
from pipelines.reproduce.comparing import differences, not_promised
from tests.pipelines.test_cli import perennial
from tests.support.pico import commit_articles, run_job

RUN = "r-2026-10"
CLEAN = f"runs/{RUN}/pico/clean"
ARTICLES = "articles/2026-10/ab"
FAULT = """
import random, sys
if "jobs.curate" in " ".join(sys.orig_argv):
    from jobs.curate.rules import Rules
    judge = Rules.judge
    def either(self, article):
        return judge(self, article) if random.random() < 0.5 else None
    Rules.judge = either
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Articles of which curate removes most, as too short or as duplicates."""
    store = tmp_path_factory.mktemp("original") / "store"
    bodies = [f"{'x' * (n % 400)} {n % 7}" for n in range(200)]
    commit_articles(f"{store}/{ARTICLES}", bodies)
    made = run_job("curate", f"--articles={store}/{ARTICLES}", f"--out={store}/{CLEAN}")
    assert made.returncode == 0, made.stderr
    return store


@pytest.fixture
def store(original: Path, tmp_path: Path) -> Path:
    """A copy."""
    return Path(shutil.copytree(original, tmp_path / "store"))


Say = Any


@pytest.fixture
def say(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, store: Path
) -> Say:
    def run(*arguments: str) -> tuple[int, list[str], str]:
        """Exit code, the lines of the comparison, and standard error."""
        scratch = ("--scratch", str(tmp_path / "scratch"), "--store", str(store))
        code, out, err = perennial(capfd, monkeypatch, "reproduce", RUN, *arguments, *scratch)
        verdicts = r"(identical|differs|failed|skipped|\d+ of|what was made)"
        return code, [line for line in out.splitlines() if re.match(verdicts, line)], err

    return run


def test_identical(say: Say, tmp_path: Path) -> None:
    code, said, _ = say()
    assert said == [
        f"skipped    {ARTICLES}: it was made by 'test', which is no job of this perennial",
        f"identical  {CLEAN}",
        "1 of 1 identical, 1 skipped",
    ]
    assert code == 0
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_step_that_is_not_deterministic_is_found(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fault").mkdir()
    (tmp_path / "fault/sitecustomize.py").write_text(FAULT)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}/fault", prepend=":")
    code, said, _ = say("curate")
    assert code == 64
    assert re.match(
        rf"differs    {CLEAN}: 'part-00000\.parquet' had \d+ bytes, now \d+; "
        r"'removed\.parquet' had \d+ bytes, now \d+$",
        said[0],
    ), said
    assert said[1] == "0 of 1 identical, 1 differs"
    kept = Path(said[2].removeprefix("what was made, and its logs: "))
    assert Artifact.open(str(kept / "store" / CLEAN)).paths == [
        "part-00000.parquet", "removed.parquet",
    ]  # fmt: skip


def test_a_step_that_fails_is_said_with_its_error(say: Say, store: Path) -> None:
    part = next((store / ARTICLES).glob("attempt-*/*"))
    part.write_bytes(part.read_bytes()[:-1])
    code, said, _ = say(CLEAN)
    assert code == 64
    assert f"failed     {CLEAN}: " in said[0]
    assert "damaged" in said[0]
    assert said[1] == "0 of 1 identical, 1 failed"


@pytest.mark.parametrize("steps", [(), (StepRecord(name="pico.clean", status="Stopped"),)])
def test_what_was_stopped_is_neither_identical_nor_other(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: tuple[StepRecord, ...]
) -> None:
    monkeypatch.setattr(reproducing, "run_workflow", lambda *_: Ran(130, steps))
    assert say("curate")[:2] == (
        130, [f"skipped    {CLEAN}: stopped before its end", "0 of 0 identical, 1 skipped"]
    )  # fmt: skip
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["curat"], "run r-2026-10 has no step 'curat'; did you mean curate?"),
        (["pico/claen"], "did you mean pico/clean?"),
        (["zzz"], "run r-2026-10 has no step 'zzz'; name a job (test, curate) or a path"),
        (["-p", "curate-min-characters=1"], "is wrong: it does not say how a job works"),
        (["-p", "train-proceses=2"], "did you mean train-processes?"),
        (["-p", "train-processes"], "expected NAME=VALUE"),
        (["-p", "crawl-out=/x"], "is wrong: it does not say how a job works"),
        (["-p", "report-run=/x"], "is wrong: it does not say how a job works"),
        (["--parallel", "0"], "--parallel '0' is wrong: expected at least 1"),
        (["--scratch", "/proc/x"], "--scratch /proc/x takes no files: "),
    ],
)
def test_bad_input_is_one_line_and_64(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, store: Path,
    arguments: list[str], says: str,
) -> None:  # fmt: skip
    code, _, err = perennial(capfd, monkeypatch, "reproduce", RUN, "--store", store, *arguments)
    assert (code, err.count("\n")) == (64, 1)
    assert says in err


def test_an_unknown_run_is_told_the_nearest(store: Path) -> None:
    with pytest.raises(BadInputError, match=r"has no run 'r-2026-11'; did you mean r-2026-10\?"):
        made_by_run(Prefix(store), "r-2026-11")
    with pytest.raises(BadInputError, match="has no run 'x'; there are no runs yet"):
        made_by_run(Prefix(store / "articles"), "x")


def test_what_a_step_names(store: Path) -> None:
    made = made_by_run(Prefix(store), RUN)
    assert [one.path for one in made] == [ARTICLES, CLEAN]
    for step in ("curate", CLEAN, "pico/clean", "pico", f"runs/{RUN}", "pico/clean/"):
        assert list(chosen(made, RUN, [step])) == [CLEAN], step
    assert list(chosen(made, RUN, ["articles", "pico"])) == [ARTICLES, CLEAN]


def made(job: str, tmp_path: Path, **facts: Any) -> Made:
    """An artifact that a job made, with other facts than those it has by default."""
    version = "2" if job in ("crawl", "ingest", "report") else "1"
    values = {
        "kind": "model", "attempt": "attempt-0123456789ab", "files": (), "digest": "0",
        "inputs": {}, "settings": {}, "producer": Producer(job=job, version=version),
        "statistics": {}, "created": "2026-10-01T00:00:00Z", **facts,
    }  # fmt: skip
    return Made("models/x", Artifact(Prefix(tmp_path / "x"), Manifest.model_validate(values)))


CRAWL = {"settings": {"period": "2026-10", "publishers": ["us", "uk"]}}
NETWORK: dict[str, tuple[str, dict[str, Any], str]] = {
    "the news": ("crawl", CRAWL, "it reads the news again; give -p crawl-ccnews-server=URL"),
    "a hub's model": ("ingest", {"settings": {"source": "a/b"}}, "from the hub again; name the st"),
    "a hub's data": ("bundle", {"settings": {"suite": "demo", "source": None}}, "from the hub aga"),
}


@pytest.mark.parametrize("what", NETWORK)
def test_the_network_is_used_where_a_step_asks_for_it(what: str, tmp_path: Path) -> None:
    job, facts, why = NETWORK[what]
    one = made(job, tmp_path, **facts)
    with pytest.raises(SkippedError, match=why):
        command(one, "/out", {}, is_named=False)
    assert command(one, "/out", {}, is_named=True)[:3] == ["python", "-m", f"jobs.{job}"]


def test_settings_operation_and_sources_become_flags(tmp_path: Path) -> None:
    server = read_given(["crawl-ccnews-server=http://127.0.0.1:1/"])
    facts = {**CRAWL, "operation": {"processes": 4, "ccnews_server": "http://gone/"}}
    assert command(made("crawl", tmp_path, **facts), "/out", server, is_named=False)[3:] == [
        "--period=2026-10", "--ccnews-server=http://127.0.0.1:1/", "--publishers=us,uk",
        "--processes=4", "--out=/out",
    ]  # fmt: skip
    told = {"source": str(tmp_path), "revision": None}
    facts = {"settings": {"source": "folder 0123", "revision": None}, "statistics": told}
    assert command(made("ingest", tmp_path, **facts), "/out", {}, is_named=False)[3:] == [
        f"--from={tmp_path}", "--out=/out"
    ]  # fmt: skip
    facts["statistics"] = {"source": "s3://b/x", "revision": None}
    assert command(made("ingest", tmp_path, **facts), "/out", {}, is_named=False)[3:] == [
        "--from=s3://b/x", "--out=/out"
    ]  # fmt: skip
    facts = {
        "settings": {"source": "a/b", "revision": "main"}, "statistics": {"revision": "c0ffee"}
    }  # fmt: skip
    assert "--revision=c0ffee" in command(
        made("ingest", tmp_path, **facts), "/o", {}, is_named=True
    )


GONE = {"articles": {"uri": "/nowhere/articles", "digest": "0"}}
CANNOT: dict[str, tuple[str, dict[str, Any], str]] = {
    "no job of ours": ("promote", {}, "it was made by 'promote', which is no job of this"),
    "a folder of which nothing is known": (
        "bundle", {"settings": {"suite": "demo", "source": "folder 01"}}, "path was not recorded"
    ),
    "a folder that is gone": (
        "ingest",
        {"settings": {"source": "folder 01"}, "statistics": {"source": "/nowhere"}},
        "it was read from '/nowhere', which is no folder here",
    ),
    "what is no place": (
        "bundle",
        {"settings": {"source": "folder 01"}, "statistics": {"source": "S3://b/../x"}},
        "it was read from 'S3://b/../x', which is no folder here",
    ),
    "a setting that is none": (
        "ingest", {"settings": {"source": "a/b", "revision": "a\nb"}}, "does not take its settings"
    ),
    "a setting that is missing": ("crawl", {}, "does not take its settings: --period is required"),
    "a workflow's tag": (
        "ingest", {"settings": {"source": "{{workflow.name}}"}}, "has '{{', which no workflow hands"
    ),
    "a container's variable": (
        "ingest", {"settings": {"source": "US$$"}}, "has '$$', which no workflow hands on as it is"
    ),
    "an input that is gone": ("curate", {"inputs": GONE}, "from /nowhere/articles, which is gone"),
}  # fmt: skip


@pytest.mark.parametrize("what", CANNOT)
def test_what_cannot_be_made_again_is_skipped_with_the_reason(what: str, tmp_path: Path) -> None:
    job, facts, why = CANNOT[what]
    with pytest.raises(SkippedError, match=re.escape(why)):
        command(made(job, tmp_path, **facts), "/out", {}, is_named=True)


def test_an_input_that_changed_is_a_reason(store: Path) -> None:
    manifest = store / CLEAN / MANIFEST
    said = json.loads(manifest.read_text())
    said["inputs"]["articles"]["digest"] = "0" * 64
    manifest.write_text(json.dumps(said))
    (clean,) = chosen(made_by_run(Prefix(store), RUN), RUN, ["curate"]).values()
    with pytest.raises(SkippedError, match="articles/2026-10/ab, which is another now"):
        command(clean, "/out", {}, is_named=True)


def test_no_input_leads_out_of_the_store(store: Path, tmp_path: Path) -> None:
    """What lies elsewhere is no part of the run, however its place is spelt."""
    manifest = store / CLEAN / MANIFEST
    said = json.loads(manifest.read_text())
    said["schema_version"] = 3
    said["inputs"]["articles"]["uri"] = f"{store}/../elsewhere"
    manifest.write_text(json.dumps(said))
    (store / ARTICLES).rename(tmp_path / "elsewhere")
    assert [one.path for one in made_by_run(Prefix(store), RUN)] == [CLEAN]


def test_how_two_differ(tmp_path: Path) -> None:
    same = file_of("same", b"1")
    before = (same, file_of("size", b"12"), file_of("digest", b"1"), file_of("gone", b""))
    after = (same, file_of("size", b"1"), file_of("digest", b"2"), file_of("new", b""))
    image = Producer(job="train", version="3", image="registry/train:2")
    facts = {"settings": {"seed": 1}, "operation": {"processes": 2, "zero_stage": 2, "old": 1}}
    one = made("train", tmp_path, files=before, digest="1", **facts)
    facts = {"settings": {"seed": 2}, "operation": {"processes": 8, "zero_stage": 2}}
    two = made("train", tmp_path, files=after, digest="2", producer=image, **facts)
    recorded, again = one.artifact.manifest, two.artifact.manifest
    assert differences(recorded, recorded) == []
    digests = f"{before[2].digest[:12]}, now {after[2].digest[:12]}"
    assert differences(recorded, again) == [
        f"'digest' (1 bytes) was blake3 {digests}", "'gone' is missing", "'new' is new",
        "'size' had 2 bytes, now 1",
    ]  # fmt: skip
    assert list(not_promised(recorded, again)) == [
        "made by train 1, not train 3", "setting seed was 1, now 2", "processes was 2, now 8",
        "made in the image none, now registry/train:2",
    ]  # fmt: skip
    many = tuple(file_of(f"{n}", b"") for n in range(9))
    assert differences(recorded, made("train", tmp_path, files=many, digest="3").artifact.manifest)[
        5:
    ] == ["and 8 files more"]
