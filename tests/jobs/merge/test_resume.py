"""What is taken over of a merge that ended early, and what is computed again."""

from collections.abc import Mapping
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
from tests.support.paths import attempt_in


def leave(out: Path, file: str, moments: Mapping[str, Moments], work: Work | None = None) -> Path:
    """Makes of a merged model what a killed attempt leaves: no manifest, and the record of one
    shard, as a merge of the models beside it writes it. Returns the attempt's folder."""
    whole, place = Artifact.open(str(out)), attempt_in(out)
    models = {role: Artifact.open(str(out.parent / role)) for role in ROLES}
    records = Records(
        ArtifactWriter(whole.prefix, work or Work.of(whole.manifest), {}),
        {role: Source(model, weight_files(model)).versions() for role, model in models.items()},
    )
    (out / "manifest.json").unlink()
    records.save(whole.file(file), moments)
    (written,) = set(out.glob("attempt-*")) - {place}
    (written / "shards").rename(place / "shards")
    written.rmdir()
    return place


def test_shards_that_are_whole_are_not_computed_again(tmp_path: Path) -> None:
    """The state a SIGKILL leaves: a shard with its record, one without, no manifest."""
    store, out = str(tmp_path), tmp_path / "out"
    put_three(store)
    flags = ["--shard-bytes=1000"]
    assert merge(store, *flags) == ""
    whole = Artifact.open(str(out))
    first, second, *_ = (file for file in whole.paths if file.endswith(".safetensors"))
    place = leave(out, first, {HEAD: Moments(elements=10**6)})
    files = {name: (place / name).stat().st_ino for name in (first, second)}
    assert merge(store, *flags) == ""
    again = Artifact.open(str(out))
    assert again.digest == whole.digest
    assert attempt_in(out) != place, "and nothing is left of the other"
    assert (attempt_in(out) / first).stat().st_ino == files[first]
    assert (attempt_in(out) / second).stat().st_ino != files[second]
    assert again.statistics["change"]["elements"] > 10**6, "its moments come from the record"


@pytest.mark.parametrize("harm", ["shard", "record", "work"])
def test_what_is_not_whole_is_computed_again(tmp_path: Path, harm: str) -> None:
    store, out = str(tmp_path), tmp_path / "out"
    put_three(store)
    assert merge(store) == ""
    whole = Artifact.open(str(out))
    work = Work.of(whole.manifest)
    if harm == "work":
        work = work.model_copy(update={"producer": "merge 1"})
    place = leave(out, "model.safetensors", {}, work)
    harmed = {"shard": "model.safetensors", "record": "shards/model.safetensors.json"}.get(harm)
    if harmed:
        data = (place / harmed).read_bytes()
        (place / harmed).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert merge(store) == ""
    again = Artifact.open(str(out))
    assert again.digest == whole.digest
    again.verify("model.safetensors")
    assert again.statistics["bytes_read"] > again.size("model.safetensors")


def test_shards_of_an_input_that_was_damaged_are_made_again(tmp_path: Path) -> None:
    store = str(tmp_path)
    put_three(store)
    weights = attempt_in(tmp_path / "instruct") / "model.safetensors"
    assert merge(store, "--shard-bytes=1000", out="right") == ""
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert "is corrupt" in merge(store, "--shard-bytes=1000")
    assert list(attempt_in(tmp_path / "out").glob("shards/*")), "the shards were all written"
    weights.write_bytes(data)
    assert merge(store, "--shard-bytes=1000") == ""
    right, out = (Artifact.open(f"{store}/{name}").digest for name in ("right", "out"))
    assert right == out
