"""What a commit leaves: the manifest and the files it lists, and no more."""

from pathlib import Path

from jobs.artifacts.manifest import Work
from jobs.artifacts.writing import ArtifactWriter
from jobs.store.prefix import Prefix

WORK = Work(kind="model", producer="merge 1", settings={}, inputs={})


def test_scaffolding_goes_with_the_folders_it_lay_in(tmp_path: Path) -> None:
    writer = ArtifactWriter(Prefix(tmp_path), WORK, {})
    writer.write_scaffolding("parts/of/one.json", b"{}")
    writer.write_scaffolding("kept/two.json", b"{}")
    writer.write("kept/file", b"file")
    attempt = writer.commit({}).manifest.attempt
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert left == {"manifest.json", f"{attempt}", f"{attempt}/kept", f"{attempt}/kept/file"}
