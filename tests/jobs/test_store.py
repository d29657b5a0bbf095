"""The store on a folder and on a real S3 protocol."""

import threading
from pathlib import Path

import pytest

from jobs.errors import BadInputError, TransientError
from jobs.store import NotFoundError, Prefix, normal_uri


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


def test_an_aborted_stream_leaves_no_object(store: str) -> None:
    prefix = Prefix(store)

    def write_half() -> None:
        with prefix.writer("half") as file:
            file.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        write_half()
    assert not prefix.exists("half")


@pytest.mark.parametrize("uri", ["ftp://host/x", "", "s3://", "s3:///prefix"])
def test_a_wrong_uri_is_refused(uri: str) -> None:
    with pytest.raises(BadInputError):
        normal_uri(uri)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadInputError, match="file/store' cannot be opened"):
        Prefix(tmp_path / "file/store").write("a", b"a")


def test_a_missing_bucket_is_named(s3_store: str) -> None:
    missing = Prefix("s3://there-is-no-such-bucket/store")
    for use in (lambda: missing.write("a", b"a"), lambda: list(missing.list())):
        with pytest.raises(BadInputError, match="there is no bucket for s3://there-is-no-such"):
            use()


def test_an_unreachable_server_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    import jobs.store

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setattr(
        jobs.store, "RETRY", {"max_retries": 1, "retry_timeout": timedelta(seconds=1)}
    )
    with pytest.raises(TransientError, match="s3://bucket/x/y"):
        Prefix("s3://bucket/x").read("y")
