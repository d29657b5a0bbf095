"""The store on a folder and on a real S3 protocol."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from jobs.errors import BadInputError, TransientError
from jobs.store.bucket import part_bytes
from jobs.store.failures import RETRY, NotFoundError
from jobs.store.prefix import Prefix
from jobs.store.uri import normal_uri


def test_what_is_written_is_read(store: str) -> None:
    prefix = Prefix(store) / "a/b"
    prefix.write("one.txt", b"0123456789")
    with prefix.writer("two.bin") as file:
        file.write(b"x" * 100)
        file.write(b"y" * 100)
    assert prefix.read("one.txt") == b"0123456789"
    assert bytes(prefix.read_range("one.txt", 2, 3)) == b"234"
    assert sorted(prefix.list()) == [("one.txt", 10), ("two.bin", 200)]
    with prefix.open("two.bin", buffer_bytes=16) as file:
        file.seek(95)
        assert file.read(10) == b"xxxxxyyyyy"
        file.seek(-3, 2)
        assert file.read() == b"yyy"


@pytest.mark.parametrize("pieces", [3, 40])
def test_a_buffer_may_be_used_again_once_it_was_written(store: str, pieces: int) -> None:
    """In one request and in parts: what is sent later is what was given then."""
    buffer = bytearray(2**18)
    expected = b""
    with Prefix(store).writer("a") as file:
        for number in range(pieces):
            buffer[:] = bytes([number + 1]) * len(buffer)
            expected += buffer
            file.write(memoryview(buffer))
        buffer[:] = bytes(len(buffer))
    assert Prefix(store).read("a") == expected


def test_a_missing_object_is_named(store: str) -> None:
    with pytest.raises(NotFoundError, match=r"nothing at .*/a/none"):
        (Prefix(store) / "a").read("none")
    assert not (Prefix(store) / "a").exists("none")
    assert list((Prefix(store) / "nowhere").list()) == []


def test_what_is_deleted_is_gone_and_may_be_deleted_again(store: str) -> None:
    prefix = Prefix(store)
    prefix.write("one", b"1")
    for _ in range(2):
        prefix.delete("one")
    assert not prefix.exists("one")


def test_of_32_creators_one_wins(store: str) -> None:
    prefix, barrier = Prefix(store), threading.Barrier(32)
    won: list[int] = []

    def create(number: int) -> None:
        barrier.wait()
        if prefix.create("lock", str(number).encode()):
            won.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert prefix.read("lock") == str(won[0]).encode()


@pytest.mark.parametrize("uri", ["ftp://host/x", "", "s3://", "s3:///prefix"])
def test_a_wrong_uri_is_refused(uri: str) -> None:
    with pytest.raises(BadInputError):
        normal_uri(uri)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInputError, match="file/store cannot be written: a file"):
        Prefix(tmp_path / "file/store").write("a", b"a")


def test_a_missing_bucket_is_named(s3_store: str) -> None:
    missing = Prefix("s3://there-is-no-such-bucket/store")
    for use in (lambda: missing.write("a", b"a"), lambda: list(missing.list())):
        with pytest.raises(BadInputError, match="there is no bucket for s3://there-is-no-such"):
            use()


def test_an_unreachable_server_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setitem(RETRY, "max_retries", 1)
    monkeypatch.setitem(RETRY, "retry_timeout", timedelta(seconds=1))
    with pytest.raises(TransientError, match="s3://bucket/x/y"):
        Prefix("s3://bucket/x").read("y")


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://key:secret@127.0.0.1:9", "holds a user name or password"),
        ("https://key@host", "holds a user name or password"),
        ("http://host/?X-Amz-Signature=secret", "has a query or fragment"),
        ("127.0.0.1:9", "expected http://host/ or https://host/"),
        ("ftp://host", "expected http://host/ or https://host/"),
        ("http://", "expected http://host/ or https://host/"),
        ("http://host:secret", "cannot be read as host:port"),
        ("http://host\x1b[2J", "which cannot be shown"),
    ],
)
@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_an_odd_address_of_the_server_is_refused_and_not_told(
    monkeypatch: pytest.MonkeyPatch, name: str, address: str, why: str
) -> None:
    monkeypatch.setenv(name, address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with pytest.raises(BadInputError, match=f"{name} in the environment: .*{why}") as caught:
        Prefix("s3://bucket/x").read("y")
    assert "secret" not in str(caught.value).replace("store.secret", "")


def test_reads_into_memory_that_is_there(store: str) -> None:
    prefix = Prefix(store)
    prefix.write("digits", b"0123456789")
    buffer = bytearray(b"....")
    prefix.read_into("digits", 3, memoryview(buffer))
    assert buffer == b"3456"
    prefix.read_into("digits", 10, memoryview(bytearray()))
    with pytest.raises(NotFoundError, match=r"nothing at .*/none"):
        prefix.read_into("none", 0, memoryview(buffer))
    prefix.write("digits", b"abcdefghij")
    prefix.read_into("digits", 6, memoryview(buffer))
    assert buffer == b"ghij", "what this very prefix replaced is read anew"


@pytest.mark.parametrize("start", [7, 10, 12])
def test_a_truncated_object_is_named(store: str, start: int) -> None:
    prefix = Prefix(store)
    prefix.write("digits", b"0123456789")
    said = rf"/digits is truncated: expected at least {start + 4} bytes"
    with pytest.raises(BadInputError, match=said):
        prefix.read_into("digits", start, memoryview(bytearray(4)))
    with pytest.raises(BadInputError, match=said):
        prefix.read_range("digits", start, 4)


@pytest.mark.parametrize("path", ["../out", "a/../b", "/etc/passwd", "a//b", "", "."])
def test_no_path_leads_out_of_a_folder(tmp_path: Path, path: str) -> None:
    prefix = Prefix(tmp_path / "store")
    for use in (
        lambda: prefix.read_into(path, 0, memoryview(bytearray(1))),
        lambda: prefix.writer(path).__enter__(),
    ):
        with pytest.raises(BadInputError, match="is no path of an object"):
            use()
    assert list(tmp_path.iterdir()) == []


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def read_three(prefix: Prefix, number: int) -> bytes:
    buffer = bytearray(3)
    prefix.read_into(str(number), 0, memoryview(buffer))
    return bytes(buffer)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")
def test_descriptors_are_few_and_closed_with_the_prefix(tmp_path: Path) -> None:
    prefix, before = Prefix(tmp_path), open_descriptors()
    for number in range(100):
        prefix.write(str(number), b"%03d" % number)
    with ThreadPoolExecutor(8) as threads:
        read = partial(read_three, prefix)
        order = [number % 100 for number in range(0, 7000, 7)]
        assert list(threads.map(read, order)) == [b"%03d" % number for number in order]
    assert before < open_descriptors() <= before + 32
    del prefix, read
    assert open_descriptors() == before


def test_a_stream_replaces_at_its_end(store: str) -> None:
    prefix = Prefix(store)
    prefix.write("object", b"old")
    with prefix.writer("object", size_hint=3) as file:
        file.write(b"n")
        file.write(memoryview(b"ew"))
        assert prefix.read("object") == b"old"
        assert list(prefix.list()) == [("object", 3)]
    assert prefix.read("object") == b"new"


def fail_half_way(prefix: Prefix, path: str, error: BaseException) -> None:
    with prefix.writer(path) as file:
        file.write(b"half")
        raise error


@pytest.mark.parametrize("kind", [FileNotFoundError, NotFoundError, KeyboardInterrupt])
def test_what_the_block_raises_passes_through(store: str, kind: type[BaseException]) -> None:
    with pytest.raises(kind, match=r"^mine$"):
        fail_half_way(Prefix(store), "a/half", kind("mine"))
    assert list(Prefix(store).list()) == []
    if store.startswith("/"):
        assert list(Path(store, "a").iterdir()) == [], "nothing remains"


def test_leavings_of_a_killed_writer_are_no_objects_and_are_deleted(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\n"
        "from jobs.store.prefix import Prefix\n"
        "with Prefix(sys.argv[1]).writer('object') as file:\n"
        "    file.write(bytes(10**6))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    prefix = Prefix(tmp_path)
    assert list(prefix.list()) == []
    with prefix.writer("object") as first, prefix.writer("object") as second:
        assert len(list(tmp_path.iterdir())) == 2, "a living writer's file is not deleted"
        first.write(b"first")
        second.write(b"second")
    assert [path.name for path in tmp_path.iterdir()] == ["object"]
    assert prefix.read("object") == b"first", "the last to end wins"


@pytest.mark.parametrize("size", [0, 5 * 10**9, 10**11, 5 * 10**12])
def test_an_upload_has_at_most_10000_parts(size: int) -> None:
    assert part_bytes(size) >= 8 * 2**20
    assert size / part_bytes(size) <= 10_000


def test_a_probe_leaves_nothing(store: str) -> None:
    Prefix(store).probe()
    assert list(Prefix(store).list()) == []


def test_a_probe_of_what_takes_no_writes(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="is in its place"):
        Prefix(tmp_path / "file").probe()
