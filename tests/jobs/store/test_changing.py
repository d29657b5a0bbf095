"""An object of a bucket that is written anew while it is read: noticed, and told as transient."""

from collections.abc import Callable

import pytest

from jobs.artifacts.reading import Artifact
from jobs.errors import TransientError
from jobs.store.prefix import Prefix
from tests.support.pico import commit

SIZE = 3 * 2**20
READS: dict[str, Callable[[Prefix], object]] = {
    "whole": lambda prefix: prefix.read("x"),
    "range": lambda prefix: prefix.read_range("x", 5, 7),
    "into": lambda prefix: prefix.read_into("x", 0, memoryview(bytearray(9))),
}
LOOKS: dict[str, Callable[[Prefix], object]] = {
    "listed": lambda prefix: list(prefix.list()),
    "its size asked for": lambda prefix: prefix.size("x"),
    "read in part": lambda prefix: prefix.read_range("x", 0, 1),
    "read": lambda prefix: prefix.read("x"),
}
SAID = "/x was written anew while it was read; the same command reads what is there now"


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("look", LOOKS)
def test_what_was_looked_at_is_what_is_read(s3_store: str, look: str, read: str) -> None:
    reader, writer = Prefix(s3_store), Prefix(s3_store)
    writer.write("x", b"a" * SIZE)
    LOOKS[look](reader)
    READS[read](reader)
    writer.write("x", b"b" * SIZE)
    with pytest.raises(TransientError, match=SAID):
        READS[read](reader)
    READS[read](Prefix(s3_store))


def test_equal_bytes_written_again_are_no_change(s3_store: str) -> None:
    reader, writer = Prefix(s3_store), Prefix(s3_store)
    writer.write("x", b"a" * SIZE)
    list(reader.list())
    writer.write("x", b"a" * SIZE)
    assert reader.read("x") == b"a" * SIZE


@pytest.mark.parametrize("buffer_bytes", [1, 2**20])
def test_a_file_that_is_being_read(s3_store: str, buffer_bytes: int) -> None:
    reader, writer = Prefix(s3_store), Prefix(s3_store)
    writer.write("x", b"a" * SIZE)
    with reader.open("x", buffer_bytes) as file:
        assert file.read(3) == b"aaa"
        writer.write("x", b"b" * SIZE)
        with pytest.raises(TransientError, match=SAID):
            file.read()


def test_what_one_writes_oneself_is_no_surprise(s3_store: str) -> None:
    prefix = Prefix(s3_store)
    for data in (b"first", b"second"):
        prefix.write("x", data)
        assert prefix.read("x") == data
    with prefix.writer("x") as file:
        file.write(b"third")
    assert bytes(prefix.read_range("x", 0, 5)) == b"third"
    prefix.delete("x")
    assert prefix.create("x", b"fourth")
    assert prefix.read("x") == b"fourth"


def test_an_artifact_whose_file_changes_under_its_reader(s3_store: str) -> None:
    """The manifest is believed, and what was listed with it; nothing of later is mixed in."""
    made = commit(s3_store, "model", {"m": b"a" * SIZE, "n": b"n"})
    opened = Artifact.open(s3_store)
    Prefix(made.place.uri).write("m", b"b" * SIZE)
    with pytest.raises(TransientError, match="/m was written anew while it was read"):
        opened.read_range("m", 0, 10)
    assert opened.read("n") == b"n"
