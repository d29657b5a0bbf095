"""The store while requests fail: the exact bytes, or a TransientError, and nothing else."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

import jobs.store.failures
from jobs.errors import BadInputError, TransientError
from jobs.store.failures import RETRY, NotFoundError
from jobs.store.prefix import Prefix
from tests.support.faulty_proxy import FAILURES, Choose, Fault, FaultyProxy, at_random, first

SMALL = random.Random(0).randbytes(300_000)
LARGE = random.Random(1).randbytes(17 * 2**20)  # three parts

Through = Callable[[Choose], Prefix]


@pytest.fixture
def through(s3_endpoint: str, s3_store: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Through]:
    """Makes the same store as seen through a proxy that does what one says."""
    proxies: list[FaultyProxy] = []

    def open_through(choose: Choose) -> Prefix:
        proxies.append(FaultyProxy(s3_endpoint, choose).__enter__())
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxies[-1].url)
        prefix = Prefix(s3_store)
        assert list(prefix.list()) == list(prefix.list())  # it connects to the proxy now
        monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
        return prefix

    yield open_through
    for proxy in proxies:
        proxy.__exit__(None, None, None)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few repetitions, for a store that fails for good."""
    monkeypatch.setitem(RETRY, "max_retries", 1)
    monkeypatch.setitem(RETRY, "retry_timeout", timedelta(seconds=0.1))
    monkeypatch.setattr(jobs.store.failures, "MOST_ATTEMPTS", 2)


def test_a_server_that_honours_no_condition_is_found_out(through: Through, s3_store: str) -> None:
    store = through(lambda method, _: Fault.UNCONDITIONAL if method == "PUT" else None)
    with pytest.raises(BadInputError, match="though it is there, so does not honour If-None-Match"):
        store.probe()
    assert list(Prefix(s3_store).list()) == []


def stream(prefix: Prefix, path: str, data: bytes) -> None:
    with prefix.writer(path) as file:
        for start in range(0, len(data), 2**20):
            file.write(data[start : start + 2**20])


@pytest.mark.parametrize(("share", "seed"), [(0.1, 1), (0.1, 2), (0.5, 3), (0.5, 4)])
def test_every_primitive_gives_the_right_result(
    s3_store: str, through: Through, share: float, seed: int
) -> None:
    rounds = 5 if share < 0.5 else 2
    calm, store = Prefix(s3_store), through(at_random(share, seed))
    calm.write("small", SMALL)
    for number in range(rounds):
        assert store.read("small") == SMALL
        assert store.read_range("small", 1000, 200_000) == SMALL[1000:201_000]
        buffer = memoryview(bytearray(100_000))
        store.read_into("small", 200_000, buffer)
        assert buffer == SMALL[200_000:]
        with store.open("small", buffer_bytes=2**16) as file:
            assert file.read() == SMALL
        assert store.size("small") == len(SMALL)
        assert not store.exists("none")
        store.write(f"{number}/written", SMALL[number:])
        assert calm.read(f"{number}/written") == SMALL[number:]
        assert store.create(f"{number}/created", b"mine")
        assert calm.read(f"{number}/created") == b"mine"
        assert not store.create(f"{number}/created", b"another's")
        assert dict(store.list())[f"{number}/written"] == len(SMALL) - number
        store.delete(f"{number}/written")
        assert not calm.exists(f"{number}/written")


@pytest.mark.parametrize(("share", "seed"), [(0.1, 5), (0.5, 6), (0.5, 7)])
def test_a_stream_arrives_whole_or_not_at_all(
    s3_store: str, through: Through, share: float, seed: int
) -> None:
    calm, store = Prefix(s3_store), through(at_random(share, seed))
    arrived = 0
    for number in range(3):
        calm.write("large", b"old")
        data = LARGE[number:]
        try:
            stream(store, "large", data)
        except TransientError:  # an upload whose first answer is cut cannot be taken up again
            assert calm.read("large") in (b"old", data)
        else:
            assert calm.read("large") == data
            arrived += 1
    assert arrived


USES: dict[str, Callable[[Prefix], object]] = {
    "read": lambda store: store.read("small"),
    "read_range": lambda store: store.read_range("small", 5, 10),
    "size": lambda store: store.size("small"),
    "exists": lambda store: store.exists("small"),
    "list": lambda store: list(store.list()),
    "write": lambda store: store.write("new", SMALL),
    "create": lambda store: store.create("new", SMALL),
    "stream": lambda store: stream(store, "new", SMALL),
    "multipart": lambda store: stream(store, "new", LARGE),
    "delete": lambda store: store.delete("small"),
}


def after_first_list(fault: Fault) -> Choose:
    """Lets the fixture's two listings through."""
    seen = iter([None, None])
    return lambda _method, _path: next(seen, fault)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
@pytest.mark.parametrize("fault", FAILURES, ids=lambda fault: fault.name)
def test_what_fails_for_good_is_transient(
    s3_store: str, through: Through, fault: Fault, use: Callable[[Prefix], object]
) -> None:
    Prefix(s3_store).write("small", SMALL)
    with pytest.raises(TransientError, match=s3_store):
        use(through(after_first_list(fault)))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_what_is_forbidden_is_bad_input(
    s3_store: str, through: Through, use: Callable[[Prefix], object]
) -> None:
    Prefix(s3_store).write("small", SMALL)
    with pytest.raises(BadInputError, match="no permission for"):
        use(through(after_first_list(Fault.FORBIDDEN)))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", ["write", "create", "stream", "multipart"])
def test_a_404_to_a_writer_is_transient(s3_store: str, through: Through, name: str) -> None:
    with pytest.raises(TransientError, match=s3_store):
        USES[name](through(after_first_list(Fault.NOT_FOUND)))
    assert not Prefix(s3_store).exists("new")


@pytest.mark.parametrize("fault", [*FAILURES, Fault.CONFLICT], ids=lambda fault: fault.name)
def test_who_creates_knows_it(s3_store: str, through: Through, fault: Fault) -> None:
    store = through(first("PUT", "new", fault, None, fault))
    assert store.create("new", b"mine")
    assert Prefix(s3_store).read("new") == b"mine"
    assert not store.create("new", b"another's")


@pytest.mark.parametrize(
    "faults",
    [
        [Fault.LOST_ANSWER],
        [Fault.TRUNCATED],
        [Fault.LOST_ANSWER, Fault.NOT_FOUND],  # S3 has forgotten an upload that it completed
        [Fault.LATE_ERROR, Fault.NOT_FOUND],
    ],
    ids=lambda faults: "-".join(fault.name for fault in faults),
)
def test_an_upload_whose_last_answer_is_lost_is_found(
    s3_store: str, through: Through, faults: list[Fault]
) -> None:
    Prefix(s3_store).write("large", bytes(len(LARGE)))
    stream(through(first("POST", "uploadId=", *faults)), "large", LARGE)
    assert Prefix(s3_store).read("large") == LARGE


def test_an_upload_that_is_gone_is_transient(s3_store: str, through: Through) -> None:
    Prefix(s3_store).write("large", b"old")
    with pytest.raises(TransientError) as raised:
        stream(through(first("POST", "uploadId=", Fault.NOT_FOUND)), "large", LARGE)
    assert not isinstance(raised.value, NotFoundError)
    assert Prefix(s3_store).read("large") == b"old"


def test_24_threads_read_at_the_same_time(s3_store: str, through: Through) -> None:
    Prefix(s3_store).write("small", SMALL)
    together = threading.Barrier(24, timeout=30)

    def wait_for_all(method: str, path: str) -> None:
        if method == "GET" and "small" in path:
            together.wait()

    store = through(wait_for_all)
    with ThreadPoolExecutor(24) as threads:
        parts = threads.map(lambda n: bytes(store.read_range("small", n * 1000, 1000)), range(24))
        assert b"".join(parts) == SMALL[:24_000]
