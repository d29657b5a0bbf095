"""Stores that cannot be used, and those that do not answer."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.errors import TransientError
from jobs.store.failures import Patience
from pipelines.plan.store_look import look_at_store
from tests.pipelines.conftest import WriteFleet
from tests.pipelines.plan.conftest import Told, problems

STORES = [
    ("{tmp}/fleet.yaml", "is in its place; choose a folder that can"),
    ("{tmp}/fleet.yaml/x", "is in its place; choose a folder that can"),
    ("/proc/x", "store /proc/x cannot be written: Operation not permitted"),
    ("/sys/x/y", "store /sys/x/y cannot be written: "),
    ("/dev/null", "is in its place"),
    ("{tmp}/dangling", "a file, or a link that leads nowhere, is in its place"),
    ("az://container/x", "store az://container/x cannot be opened: "),
]


@pytest.mark.parametrize(("store", "says"), STORES)
def test_stores(
    write_sound: WriteFleet, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    store: str, says: str,
) -> None:  # fmt: skip
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere/x")
    (problem,) = problems(told(write_sound(), store=store.format(tmp=tmp_path)))
    assert problem.startswith("--store: store ")
    assert says in problem
    assert "\n" not in problem


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        ("http://127.0.0.1:9", "nothing listens there; check address and port"),
        ("http://no-such.invalid", "its host has no address; check the name and the network"),
    ],
)
def test_who_does_not_answer_is_named_with_one_fix(
    monkeypatch: pytest.MonkeyPatch, s3_store: str, endpoint: str, why: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setattr("pipelines.plan.store_look.OF_A_PERSON", Patience(1, 0.1))
    with pytest.raises(TransientError) as caught:
        look_at_store(s3_store, print)
    assert str(caught.value) == f"the store {s3_store} does not answer at {endpoint}: {why}"


def test_a_bucket_that_is_not_there(write_sound: WriteFleet, told: Told, s3_store: str) -> None:
    assert problems(told(write_sound(), store=s3_store)) == []
    (problem,) = problems(told(write_sound(), store="s3://there-is-no-such-bucket/x"))
    assert problem.startswith("--store: there is no bucket for s3://there-is-no-such-bucket/x")


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that accepts and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("endpoint", ["silent", "http://127.0.0.1:9", "http://no-such.invalid"])
def test_a_store_that_does_not_answer(
    silent: str, monkeypatch: pytest.MonkeyPatch, s3_store: str, endpoint: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", silent if endpoint == "silent" else endpoint)
    said: list[str] = []
    with pytest.raises(TransientError, match=f"the store {s3_store} did not answer within 1.5 s"):
        look_at_store(s3_store, said.append, said_after=0.5, given_up_after=1.5)
    assert said == [f"the store {s3_store} has not answered for 0.5 s; given up after 1.5 s"]
