"""The figure of a start ends with a job's imports, wherever in its course they are."""

from pathlib import Path

from benchmarks.start import measure

JOB = """
import time
time.sleep(0.3)
import wave
time.sleep(0.6)
"""


def test_to_work_ends_with_the_imports_and_whole_at_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "src/jobs/nap"
    folder.mkdir(parents=True)
    for module in (folder.parent / "__init__.py", folder / "__init__.py"):
        module.touch()
    (folder / "__main__.py").write_text(JOB)
    found = measure("nap", {}, tmp_path)
    assert found.to_work.clock >= 0.3
    assert found.whole.clock - found.to_work.clock >= 0.6
    assert found.again.clock >= 0.9
    assert 0 < found.to_work.cpu <= found.whole.cpu < found.whole.clock
