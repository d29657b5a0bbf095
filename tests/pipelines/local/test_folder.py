"""Whose folder it is, and who holds it."""

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from jobs.errors import TransientError
from pipelines.local.folder import RunFolder, run_folder


def test_a_folder_is_one_runs_and_one_stores() -> None:
    """Eight digits of SHA-256 of the store, as `printf s3://b/x | sha256sum` tells them."""
    pairs = [(run, store) for run in ("a", "a-28b1755c") for store in ("s3://b/x", "/store")]
    names = [run_folder(Path("w"), run, store).path.name for run, store in pairs]
    assert names == ["a-28b1755c", "a-ee30b1f5", "a-28b1755c-28b1755c", "a-28b1755c-ee30b1f5"]


def test_who_comes_second_is_told_who_was_first(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    says = rf"run run is running already: process {os.getpid()} since 20\d\d-[-\d]+ [\d:]+Z; see "
    with folder.held():
        (folder.logs / "kept").touch()
        assert folder.is_held()
        with pytest.raises(TransientError, match=says), folder.held():
            pytest.fail("both hold it")
    assert not folder.is_held()
    with folder.held():
        assert (folder.logs / "kept").exists()


HOLD = """
import sys, time
from pathlib import Path
from pipelines.local.folder import RunFolder
with RunFolder(Path(sys.argv[1])).held():
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_dead_process_blocks_nobody(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    command = [sys.executable, "-c", HOLD, str(folder.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(TransientError, match=f"process {holder.pid} since"), folder.held():
            pass
        holder.kill()
        holder.wait()
    with folder.held():
        assert folder.is_held()


@pytest.mark.parametrize(
    ("left", "says"),
    [
        (f"{2**22 + 1}\n{socket.gethostname()}\nearlier\n", "process 4194305 since earlier"),
        (f"{os.getpid()}\nelsewhere\nearlier\n", rf"process {os.getpid()} on elsewhere since earl"),
        ("", r"process \? since \?"),
        ("\x1b[2J\nx\ny", r"process \? on x since y"),
    ],
    ids=["of this machine", "of another", "nothing", "rubbish"],
)
def test_whoever_holds_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str, says: str
) -> None:
    """The first has ended, and its reaper holds the lock yet: it is waited for."""
    monkeypatch.setattr("pipelines.local.folder.SECONDS_TO_DIE", 0.0)
    monkeypatch.setattr("pipelines.local.folder.LOOKING_SECONDS", 0.1)
    folder = RunFolder(tmp_path / "run")
    with folder.held():
        (folder.path / "lock").write_text(left)
        with pytest.raises(TransientError, match=says), folder.held():
            pass


def test_what_a_dead_run_leaves_running_is_waited_for(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    released = threading.Event()

    def reaper() -> None:
        with folder.held():
            (folder.path / "lock").write_text(f"{2**22 + 1}\n{socket.gethostname()}\nearlier\n")
            held.set()
            time.sleep(1.0)
            released.set()

    held = threading.Event()
    threading.Thread(target=reaper).start()
    held.wait()
    with folder.held():
        assert released.is_set()


def test_the_latest_is_a_link_that_nothing_depends_on(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with RunFolder(tmp_path / name).held():
            assert (tmp_path / "latest").readlink() == Path(name)
    (tmp_path / "other/latest").mkdir(parents=True)
    with RunFolder(tmp_path / "other/three").held():
        assert sorted(path.name for path in (tmp_path / "other").iterdir()) == ["latest", "three"]
