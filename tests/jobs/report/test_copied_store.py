"""A store that was copied elsewhere, the original gone: all that reads records reads the copy."""

import shutil
from pathlib import Path

import pytest

from jobs.artifacts.exporting import export
from jobs.artifacts.reading import Artifact
from jobs.artifacts.releases import Standing, add, read_releases
from jobs.errors import BadInputError
from jobs.promote.settings import PromoteSettings
from jobs.promote.work import promote
from jobs.report.evidence.lineage import walk
from jobs.store.prefix import Prefix
from tests.jobs.report.fake_run import CANDIDATE, RUN, make_run
from tests.support.pico import run_job

FAMILY = f"runs/{RUN}/pico"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a report and a release, made below a name of a store's top, then renamed."""
    folder = tmp_path_factory.mktemp("original")
    store = folder / "models/original"
    run = make_run(store)
    made = run_job("report", f"--run={run.uri}", f"--out={run.uri}/report")
    assert made.returncode == 0, made.stderr
    promote(
        PromoteSettings(
            candidate=f"{run.uri}/candidates/{CANDIDATE}",
            report=f"{run.uri}/report",
            releases=f"{store}/releases",
        )
    )
    return store.rename(folder / "renamed")


@pytest.fixture(params=["folder", "s3"])
def copy(original: Path, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URI of a copy: of the folder, and object by object."""
    if request.param == "folder":
        to = f"{tmp_path}/elsewhere/copy"
        shutil.copytree(original, to)
    else:
        to = str(request.getfixturevalue("s3_store"))
        for path in original.rglob("*"):
            if path.is_file():
                Prefix(to).write(path.relative_to(original).as_posix(), path.read_bytes())
    return to


def test_no_record_names_the_place(original: Path) -> None:
    files = [path for path in original.rglob("*") if path.is_file()]
    assert len(files) > 30
    for path in files:
        assert str(original.parent) not in path.read_text(), path


def test_the_copy_is_a_store_like_the_original(copy: str, tmp_path: Path) -> None:
    candidate = f"{copy}/{FAMILY}/candidates/{CANDIDATE}"
    report = Artifact.open(f"{copy}/{FAMILY}/report")
    steps = walk([Artifact.open(candidate)])
    assert len(steps) == 7
    assert all(step.uri.startswith(f"{copy}/") and step.manifest for step in steps)
    # The same work there makes the same report, byte by byte.
    again = run_job("report", f"--run={copy}/{FAMILY}", f"--out={copy}/{FAMILY}/again")
    assert again.returncode == 0, again.stderr
    assert Artifact.open(f"{copy}/{FAMILY}/again").digest == report.digest
    done = run_job("report", f"--run={copy}/{FAMILY}", f"--out={copy}/{FAMILY}/report")
    assert "already-done" in done.stderr
    (record,) = read_releases(Prefix(f"{copy}/releases"))[CANDIDATE]
    assert (record.candidate.uri, record.report.uri) == (candidate, report.uri)
    facts = {name: getattr(record, name) for name in ("candidate", "report", "decision", "reasons")}
    assert add(Prefix(f"{copy}/releases"), CANDIDATE, **facts) == (record, Standing.CURRENT)
    export(Artifact.open(record.candidate.uri), tmp_path / "exported", lambda _: None)
    assert (tmp_path / "exported/content").read_text() == f"{FAMILY}/candidates/{CANDIDATE}"


def test_a_deleted_input_is_gone_also_in_a_copy(copy: str) -> None:
    Prefix(f"{copy}/models/pico/base").delete("manifest.json")
    gone = [step.uri for step in walk([Artifact.open(f"{copy}/{FAMILY}/cpt")]) if not step.manifest]
    assert gone == [f"{copy}/models/pico/base"]


def test_another_artifact_in_its_place_is_refused(copy: str) -> None:
    base, instruct = (Prefix(f"{copy}/models/pico/{name}") for name in ("base", "instruct"))
    base.write("manifest.json", instruct.read("manifest.json"))
    with pytest.raises(BadInputError, match=r"models/pico/base changed after .*cpt was made"):
        walk([Artifact.open(f"{copy}/{FAMILY}/cpt")])
