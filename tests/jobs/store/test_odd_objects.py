"""What no store should hold or be: named in one line, never waited for, never read as something."""

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Callable
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
        (errno.EACCES, BadInputError), (errno.ENOSPC, TransientError),
        (errno.EIO, TransientError), (errno.ESTALE, TransientError),
        (errno.EPERM, BadInputError), (errno.EFBIG, BadInputError),
        (errno.EDQUOT, TransientError), (errno.EMFILE, TransientError),
    ],
)  # fmt: skip
def test_what_lasts_is_not_tried_again(number: int, kind: type[PerennialError]) -> None:
    with pytest.raises(kind, match="s3://b/x"), translated("s3://b", "x", writing=True):
        raise OSError(number, os.strerror(number))


def test_a_store_that_can_only_be_read(tmp_path: Path) -> None:
    """A real file system, mounted to be read, in a name space of its own."""
    script = "\n".join([
        "from jobs.store.prefix import Prefix", "from jobs.errors import BadInputError",
        f"store = Prefix({str(tmp_path)!r})",
        "assert store.read('a') == b'a'",
        "for use in (lambda: store.write('b', b''), lambda: store.create('b', b''),",
        "            lambda: store.delete('a'), lambda: store.writer('b').__enter__()):",
        "    try: use()",
        "    except BadInputError as error: print(error)",
    ])  # fmt: skip
    (tmp_path / "a").write_bytes(b"a")
    mounted = f"mount --bind -o ro {tmp_path} {tmp_path} && exec {sys.executable} -c '{script}'"
    mounted = mounted.replace(f"{script}", script.replace("'", '"'))
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", mounted],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("this machine gives nobody a name space for mounts")
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert len(said) == 4
    assert all("Read-only file system" in line for line in said), said
    assert (tmp_path / "a").exists()
