"""The plan's arithmetic, against numbers worked out by hand."""

import json
import struct
from pathlib import Path

import pytest

from jobs.artifacts.manifest import Work
from jobs.artifacts.writing import ArtifactWriter
from jobs.ingest.settings import IngestSettings
from jobs.store.prefix import Prefix
from pipelines.commands.parameters import WORKFLOW, run_parameters
from pipelines.fleet.model import Fleet
from pipelines.fleet.reading import read_fleet
from pipelines.local.workflow import read_workflow
from pipelines.plan.plan import Plan, Training, make_plan
from pipelines.plan.view import count, num_bytes
from tests.pipelines.conftest import WriteFleet


def plan(fleet: Fleet, store: Path) -> Plan:
    parameters = run_parameters(fleet, "2026-10", str(store), "small-2026-10", ())
    return make_plan(fleet, read_workflow(WORKFLOW), parameters)


def test_flops_and_hours() -> None:
    """6 · 8e9 · 1e8 · 5 = 2.4e19; over 312e12 · 0.4 = 1.248e14 FLOP/s: 192307.69 s, 53.4188 h."""
    training = Training("llama", False, 8 * 10**9, 10**8, 5)
    assert training.flops == 2.4e19
    assert training.gpu_hours == pytest.approx(53.41880341880342, rel=1e-12)
    assert Training("x", False, None, 1, 1).flops is None
    assert Training("x", False, 1, None, 1).gpu_hours is None


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


def test_unknown_sizes_make_unknown_sums(write_fleet: WriteFleet, tmp_path: Path) -> None:
    made = plan(read_fleet(write_fleet()), tmp_path / "store")
    pico, nano = made.trainings
    assert (pico.num_parameters, pico.num_tokens, pico.epochs) == (None, 1_500_000, 3)
    assert (nano.num_parameters, nano.num_tokens, nano.epochs) == (8 * 10**9, None, 2)
    assert made.bytes_to_add is None


def test_parameters_are_counted_from_a_folders_headers(
    write_fleet: WriteFleet, tmp_path: Path
) -> None:
    folder = tmp_path / "family/base"
    folder.mkdir(parents=True)
    header = {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "BF16", "shape": [3, 5], "data_offsets": [0, 30]},
        "b": {"dtype": "BF16", "shape": [], "data_offsets": [30, 32]},
    }
    text = json.dumps(header).encode()
    data = struct.pack("<Q", len(text)) + text + bytes(32)
    (folder / "model-00001.safetensors").write_bytes(data)
    (folder / "model-00002.safetensors").write_bytes(data)
    fleet = read_fleet(write_fleet())
    assert plan(fleet, tmp_path / "store").trainings[0].num_parameters == 2 * (3 * 5 + 1)


def test_bytes_to_add(write_fleet: WriteFleet, tmp_path: Path) -> None:
    """nano alone: base, instruct, refreshed base, candidate of 8e9 · 2 bytes; 1.5e6 · 4 of rows."""
    path = write_fleet("    pack:\n      token_budget: null\n")
    text = path.read_text()
    start, end = text.index("  - name: pico"), text.index("  - name: nano")
    path.write_text(text[:start] + text[end:])
    made = plan(read_fleet(path), tmp_path / "store")
    assert made.bytes_to_add == 4 * 16 * 10**9 + 6 * 10**6


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
    assert made.trainings[0].num_parameters == 1234
    rows = {p.step.inputs["out"] for p in made.steps if p.step.job == "pack"}
    packed = store / "runs/small-2026-10/packed"
    assert rows == {str(packed / "abc"), str(packed / "‹tokenizer-digest›")}


def test_an_artifact_of_other_settings_is_a_conflict(
    write_fleet: WriteFleet, tmp_path: Path
) -> None:
    ingested(tmp_path / "store/models/pico/base", "/elsewhere")
    made = plan(read_fleet(write_fleet()), tmp_path / "store")
    conflicts = [planned.conflict for planned in made.steps if planned.conflict]
    assert conflicts == [f"setting source was /elsewhere, now {tmp_path / 'family/base'}"]


@pytest.mark.parametrize(
    ("number", "text", "in_bytes"),
    [
        (None, "unknown", "unknown"), (0, "0", "0B"), (999, "999", "999B"),
        (1_918_656, "1.92M", "1.92MB"), (10**8, "100M", "100MB"), (8 * 10**9, "8B", "8GB"),
    ],
)  # fmt: skip
def test_counts(number: int | None, text: str, in_bytes: str) -> None:
    assert (count(number), num_bytes(number)) == (text, in_bytes)
