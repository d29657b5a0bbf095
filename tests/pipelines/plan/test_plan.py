"""The steps of a plan, and what it finds in the store."""

import threading
import time
from pathlib import Path

import pytest

from jobs.artifacts.manifest import Manifest, Work, find_manifest
from jobs.artifacts.writing import ArtifactWriter
from jobs.ingest.settings import IngestSettings
from jobs.store.prefix import Prefix
from jobs.train.settings import TrainSettings
from pipelines.commands.parameters import WORKFLOW, run_parameters
from pipelines.fleet.model import Fleet
from pipelines.fleet.reading import read_fleet
from pipelines.local.reading import read_workflow
from pipelines.plan.plan import Plan, make_plan
from pipelines.plan.planned import step_settings
from tests.pipelines.conftest import WriteFleet
from tests.pipelines.plan.conftest import WriteWeights


def plan(fleet: Fleet, store: Path) -> Plan:
    parameters = run_parameters(fleet, "2026-10", str(store), "small-2026-10", ())
    return make_plan(fleet, read_workflow(*WORKFLOW), parameters)


def test_steps_of_a_fleet(write_fleet: WriteFleet, tmp_path: Path) -> None:
    made = plan(read_fleet(write_fleet()), tmp_path / "store")
    jobs = [planned.step.job for planned in made.steps]
    # pico: base, instruct, 3 others; 3 candidates. nano: base, instruct; 1 candidate.
    # Scored on 3 tasks and heldout: base, instruct, refreshed base and candidates of each.
    assert {job: jobs.count(job) for job in sorted(set(jobs))} == {
        "bundle": 1, "check": 4, "crawl": 1, "curate": 1, "evaluate": 4 * (6 + 4),
        "ingest": 7, "merge": 4, "pack": 2, "promote": 4, "report": 2, "train": 2,
    }  # fmt: skip
    assert not any(planned.manifest for planned in made.steps)
    assert made.bytes_there == 0
    assert not (tmp_path / "store").exists()  # a plan leaves nothing behind


def test_a_control_is_trained_and_scored_but_never_released(
    write_fleet: WriteFleet, tmp_path: Path
) -> None:
    fleet = read_fleet(write_fleet("name: small", "name: small\ncontrols: [s1]"))
    made = plan(fleet, tmp_path / "store")
    jobs = [planned.step.job for planned in made.steps]
    # Beside the steps above: one training a family, and its scores on 3 tasks and heldout.
    more = {job: jobs.count(job) for job in ("train", "evaluate", "merge", "promote", "report")}
    assert more == {"train": 4, "evaluate": 4 * (7 + 5), "merge": 4, "promote": 4, "report": 2}
    run = tmp_path / "store/runs/small-2026-10/pico"
    (s1,) = [p.step for p in made.steps if p.step.name == "family/pico/controls/s1/train"]
    settings = step_settings(s1)
    assert isinstance(settings, TrainSettings)
    assert (settings.model, settings.out) == (
        str(tmp_path / "store/models/pico/instruct"),
        str(run / "controls/s1"),
    )
    assert (settings.objective, settings.epochs) == ("cpt", 3)
    (base,) = [p.step for p in made.steps if p.step.name == "family/pico/train"]
    assert s1.inputs["rows"] == base.inputs["rows"]
    scored = {p.step.inputs["out"] for p in made.steps if "pico/controls/s1/scores" in p.step.name}
    assert scored == {
        str(run / f"scores/s1/{t}") for t in ("ifeval", "arc_easy", "piqa", "heldout")
    }


def ingested(out: Path, source: str) -> None:
    settings = IngestSettings.model_validate({"from": source, "out": str(out)})
    work = Work(kind="model", producer=f"ingest {settings.version}",
                settings=settings.identity(), inputs={})  # fmt: skip
    writer = ArtifactWriter(Prefix(out), work, {})
    writer.write("model.safetensors", bytes(100))
    writer.commit({"parameters": 1234, "outputs": {"tokenizer_digest": "abc"}})


def test_what_is_there(write_fleet: WriteFleet, tmp_path: Path) -> None:
    store = tmp_path / "store"
    ingested(store / "models/pico/base", str(tmp_path / "family/base"))
    made = plan(read_fleet(write_fleet()), store)
    there = [planned for planned in made.steps if planned.manifest]
    assert [planned.step.name for planned in there] == ["family/pico/base"]
    assert made.bytes_there == 100
    base = next(facts for model, facts in made.models.items() if model.label == "pico/base")
    assert (base.parameters, base.known_from) == (1234, "store")
    rows = {p.step.inputs["out"] for p in made.steps if p.step.job == "pack"}
    packed = store / "runs/small-2026-10/packed"
    assert rows == {str(packed / "abc"), str(packed / "‹tokenizer-digest›")}


def test_a_folder_of_gigabytes_is_not_read(
    write_fleet: WriteFleet, tmp_path: Path, write_weights: WriteWeights
) -> None:
    """Not where it is to be imported, nor where it was; what is no folder's is still a conflict."""
    folder = tmp_path / "family/base"
    write_weights(folder / "model.safetensors", (2**33,))
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    fleet = read_fleet(write_fleet())
    begun = time.monotonic()
    assert [p.conflict for p in plan(fleet, tmp_path / "store").steps if p.conflict] == []
    for source, conflicts in (
        ("folder 0123456789abcdef", []),
        ("owner/pico", [f"setting source was owner/pico, now {folder}"]),
    ):
        store = tmp_path / source.replace("/", "-")
        ingested(store / "models/pico/base", source)
        made = plan(fleet, store)
        assert [p.conflict for p in made.steps if p.conflict] == conflicts
    assert time.monotonic() - begun < 5  # 16 GiB would take 80 s


def test_an_artifact_of_other_settings_is_a_conflict(
    write_fleet: WriteFleet, tmp_path: Path
) -> None:
    ingested(tmp_path / "store/models/pico/base", "/elsewhere")
    made = plan(read_fleet(write_fleet()), tmp_path / "store")
    conflicts = [planned.conflict for planned in made.steps if planned.conflict]
    assert conflicts == [f"setting source was /elsewhere, now {tmp_path / 'family/base'}"]


def test_in_a_bucket(write_fleet: WriteFleet, s3_store: str) -> None:
    """A trailing slash names the same store."""
    work = Work(kind="model", producer="ingest 2", settings={}, inputs={})
    writer = ArtifactWriter(Prefix(f"{s3_store}/models/nano/base"), work, {})
    writer.write("model.safetensors", bytes(10))
    writer.write("config.json", b'{"vocab_size": 3}')
    writer.commit({"parameters": 5, "outputs": {"tokenizer_digest": "abc"}})
    fleet = read_fleet(write_fleet())
    parameters = run_parameters(fleet, "2026-10", f"{s3_store}/", "small-2026-10", ())
    made = make_plan(fleet, read_workflow(*WORKFLOW), parameters)
    facts = {model.label: facts for model, facts in made.models.items()}
    assert (facts["nano/base"].parameters, facts["nano/base"].config) == (5, {"vocab_size": 3})
    assert facts["nano/instruct"].known_from == "name"
    assert [p.step.name for p in made.steps if p.manifest] == ["family/nano/base"]


def test_the_order_is_the_workflows_whichever_artifact_is_told_of_first(
    write_fleet: WriteFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = threading.Event()

    def crawl_last(place: Prefix) -> Manifest | None:
        if "/articles/" in place.uri:
            assert others.wait(10)
        found = find_manifest(place)
        others.set()
        return found

    monkeypatch.setattr("pipelines.plan.plan.find_manifest", crawl_last)
    made = plan(read_fleet(write_fleet()), tmp_path / "store")
    assert [planned.step.name for planned in made.steps][:3] == ["crawl", "bundle", "curate"]
