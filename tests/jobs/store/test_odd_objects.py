"""What no store should hold or be: named in one line, never waited for, never read as something."""

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from jobs.errors import BadInputError, PerennialError, TransientError
from jobs.store.failures import translated
from jobs.store.prefix import Prefix


def a_socket(path: Path) -> None:
    os.chdir(path.parent)  # a socket's address is short
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "fifo": (os.mkfifo, "is no file but a pipe or device; remove it"),
    "link to a device": (lambda path: path.symlink_to("/dev/zero"), "is no file but a pipe or"),
    "link to a terminal": (lambda path: path.symlink_to("/dev/tty"), "is no file but a pipe or"),
    "socket": (a_socket, "is no file but a pipe or device"),
    "link to itself": (lambda path: path.symlink_to(path), "nothing at|cannot be read"),
    "folder": (Path.mkdir, "nothing at|cannot be used|cannot be read"),
}
READS: dict[str, Callable[[Prefix], object]] = {
    "read": lambda prefix: prefix.read("odd"),
    "bounded": lambda prefix: prefix.read("odd", 100),
    "range": lambda prefix: prefix.read_range("odd", 0, 4),
    "into": lambda prefix: prefix.read_into("odd", 0, memoryview(bytearray(4))),
    "open": lambda prefix: prefix.open("odd").read(),
    "size": lambda prefix: prefix.size("odd"),
}


@pytest.mark.parametrize("use", READS)
@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_file_is_never_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, use: str
) -> None:
    monkeypatch.chdir(tmp_path)
    make, says = ODD[kind]
    make(tmp_path / "odd")
    with pytest.raises(BadInputError, match=says) as caught:
        READS[use](Prefix(tmp_path))
    assert len(str(caught.value).splitlines()) == 1


def stream(prefix: Prefix, path: str) -> None:
    with prefix.writer(path) as file:
        file.write(b"x")


WRITES: dict[str, Callable[[Prefix, str], object]] = {
    "write": lambda prefix, path: prefix.write(path, b"x"),
    "create": lambda prefix, path: prefix.create(path, b"x"),
    "stream": stream,
}


@pytest.mark.parametrize("use", WRITES)
@pytest.mark.parametrize(
    "path", ["x" * 300, "y/" + "x" * 256, "loop/x", "file/x", "a\0b", "/".join(["d" * 200] * 25)]
)
def test_no_object_can_be_of_such_a_name(tmp_path: Path, use: str, path: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInputError):
        WRITES[use](Prefix(tmp_path), path)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EROFS, BadInputError), (errno.ENAMETOOLONG, BadInputError),
        (errno.ELOOP, BadInputError), (errno.ENXIO, BadInputError),
        (errno.EACCES, BadInputError), (errno.ENOSPC, BadInputError),
        (errno.EIO, TransientError), (errno.ESTALE, TransientError),
        (errno.EPERM, BadInputError), (errno.EFBIG, BadInputError),
        (errno.EDQUOT, BadInputError), (errno.EMFILE, TransientError),
    ],
)  # fmt: skip
def test_what_lasts_is_not_tried_again(number: int, kind: type[PerennialError]) -> None:
    with pytest.raises(kind, match="s3://b/x"), translated("s3://b", "x", writing=True):
        raise OSError(number, os.strerror(number))


ANY_USE: dict[str, Callable[[Prefix], object]] = {
    **{name: partial(lambda write, store: write(store, "a"), use) for name, use in WRITES.items()},
    "probe": Prefix.probe,
    "look": Prefix.look,
}


NONE_CAN = "No such file or directory|Operation not permitted|Permission denied|Read-only.*"
IN_ITS_PLACE = "a file, or a link that leads nowhere, is in its place"


@pytest.mark.parametrize("use", [*WRITES, "probe", "look"])
@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("file", IN_ITS_PLACE), ("file/x", IN_ITS_PLACE), ("dangling", IN_ITS_PLACE),
        ("dangling/x", IN_ITS_PLACE), ("loop", IN_ITS_PLACE), ("/dev/null", IN_ITS_PLACE),
        ("/dev/null/x", IN_ITS_PLACE), ("/proc/x", NONE_CAN), ("/proc/x/y", NONE_CAN),
        ("/sys/x", NONE_CAN),
    ],
)  # fmt: skip
def test_what_is_no_store_is_refused_alike_by_every_use(
    tmp_path: Path, place: str, says: str, use: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere/x")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    store = Prefix(tmp_path / place)
    with pytest.raises(
        BadInputError, match=f"^store {store.uri} cannot be written: ({says}); choose a folder"
    ):
        ANY_USE[use](store)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "file", "loop"]


def test_a_look_leaves_nothing_and_a_probe_only_the_folder(tmp_path: Path) -> None:
    store = Prefix(tmp_path / "a/b")
    store.look()
    assert list(tmp_path.iterdir()) == []
    store.probe()
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["a", "a/b"]


def in_a_name_space(mount: str, script: str) -> list[str]:
    """Lines of a Python script that sees a file system of its own, or skips the test."""
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c",
         f'{mount} && exec "$0" -c "$1"', sys.executable, script],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("this machine gives nobody a name space for mounts")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


SAYS_WHY = """
from jobs.store.prefix import Prefix
from jobs.errors import BadInputError
store = Prefix({uri!r})
for use in (lambda: store.write('b', bytes(300_000)), lambda: store.create('b', bytes(300_000)),
            lambda: stream(), lambda: store.probe(), lambda: store.look(), *{more}):
    def stream():
        with store.writer('b') as file: file.write(bytes(300_000))
    try: use()
    except BadInputError as error: print(error)
"""


def test_a_store_that_can_only_be_read(tmp_path: Path) -> None:
    """A real file system, mounted to be read."""
    (tmp_path / "a").write_bytes(b"a")
    script = SAYS_WHY.format(uri=str(tmp_path), more="[lambda: store.delete('a')]")
    said = in_a_name_space(f"mount --bind -o ro {tmp_path} {tmp_path}", script)
    assert len(said) == 6
    assert all("Read-only file system" in line for line in said), said
    assert (tmp_path / "a").exists()


def test_a_full_disk_is_no_matter_of_waiting(tmp_path: Path) -> None:
    """A real file system, of 32 KiB."""
    script = SAYS_WHY.format(uri=str(tmp_path / "s"), more="[]")
    said = in_a_name_space(f"mount -t tmpfs -o size=32k none {tmp_path}", script)
    assert len(said) == 5
    assert all("No space left on device" in line for line in said), said
    assert all(line.endswith("make room there, and the same command continues") for line in said)
