"""What is taken over of a merge that ended early, and what is computed again."""

from pathlib import Path

import pytest

from jobs.artifacts.manifest import Work
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.kinds.model import weight_files
from jobs.merge.arithmetic.merge import Moments
from jobs.merge.stream.resume import Records
from jobs.merge.stream.source import Source
from tests.jobs.merge.models import HEAD, ROLES, merge, put_three


def records(out: Path, work: Work | None = None) -> Records:
    """Records as a merge into `out` of the models beside it would write them."""
    whole = Artifact.open(str(out))
    writer = ArtifactWriter(whole.prefix, work or Work.of(whole.manifest), {})
    models = {role: Artifact.open(str(out.parent / role)) for role in ROLES}
    return Records(
        writer,
        {role: Source(model, weight_files(model)).versions() for role, model in models.items()},
    )


def test_shards_that_are_whole_are_not_computed_again(tmp_path: Path) -> None:
    """The state a SIGKILL leaves: a shard with its record, one without, no manifest."""
    store, out = str(tmp_path), tmp_path / "out"
    put_three(store)
    flags = ["--shard-bytes=1000"]
    assert merge(store, *flags) == ""
    whole = Artifact.open(str(out))
    kept_records = records(out)
    (out / "manifest.json").unlink()
    first, second, *_ = sorted(path.name for path in out.glob("*.safetensors"))
    kept = {path: path.stat().st_mtime_ns for path in (out / first, out / second)}
    file = next(file for file in whole.manifest.files if file.path == first)
    kept_records.save(file, {HEAD: Moments(elements=10**6)})
    assert merge(store, *flags) == ""
    again = Artifact.open(str(out))
    assert again.digest == whole.digest
    assert (out / first).stat().st_mtime_ns == kept[out / first]
    assert (out / second).stat().st_mtime_ns != kept[out / second]
    assert again.statistics["change"]["elements"] > 10**6, "its moments come from the record"


@pytest.mark.parametrize("harm", ["shard", "record", "work"])
def test_what_is_not_whole_is_computed_again(tmp_path: Path, harm: str) -> None:
    store, out = str(tmp_path), tmp_path / "out"
    put_three(store)
    assert merge(store) == ""
    whole = Artifact.open(str(out))
    weights = out / "model.safetensors"
    data = weights.read_bytes()
    work = Work.of(whole.manifest)
    if harm == "work":
        work = work.model_copy(update={"producer": "merge 1"})
    file = next(file for file in whole.manifest.files if file.path == weights.name)
    kept_records = records(out, work)
    (out / "manifest.json").unlink()
    kept_records.save(file, {})
    if harm == "record":
        record = out / "shards/model.safetensors.json"
        record.write_bytes(record.read_bytes()[:-9])
    if harm == "shard":
        weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert merge(store) == ""
    assert Artifact.open(str(out)).digest == whole.digest
    assert Artifact.open(str(out)).statistics["bytes_read"] > len(data)
    assert weights.read_bytes() == data


def test_shards_of_an_input_that_was_damaged_are_made_again(tmp_path: Path) -> None:
    store, weights = str(tmp_path), tmp_path / "instruct/model.safetensors"
    put_three(store)
    assert merge(store, "--shard-bytes=1000", out="right") == ""
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert "is corrupt" in merge(store, "--shard-bytes=1000")
    assert list((tmp_path / "out/shards").iterdir()), "the shards were all written"
    weights.write_bytes(data)
    assert merge(store, "--shard-bytes=1000") == ""
    right, out = (Artifact.open(f"{store}/{name}").digest for name in ("right", "out"))
    assert right == out
