"""What runs within bounds is ended by them, and says so in one line."""

import os
import signal
from collections.abc import Iterator

import pytest

from jobs.command.bounded import Bounded
from jobs.errors import BadInputError, TransientError

BOUNDS = (1.0, 2**26)


@pytest.fixture
def child() -> Iterator[Bounded]:
    with Bounded("m", "tests.support.bounded_child") as child:
        yield child


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (b"refuse", "m: no"),
        (b"loop", "m took more than 1 s of processor time; it loops or nearly so"),
        (b"one long operation", "m took more than 1 s of processor time; it loops or nearly so"),
        (b"grow", "m takes more than 64 MiB of memory"),
        (b"one large thing", "m takes more than 64 MiB of memory"),
        (b"abort", r"m crashed the library that reads it \(SIGABRT\)"),
        (b"nowhere", r"m crashed the library that reads it \(SIGSEGV\)"),
    ],
)
def test_each_way_to_fail_is_one_line(child: Bounded, case: bytes, said: str) -> None:
    with pytest.raises(BadInputError, match=f"^{said}") as caught:
        child.ask(case, *BOUNDS)
    assert "\n" not in str(caught.value)


def test_bounds_are_for_each_request(child: Bounded) -> None:
    """What a request took is not counted against the next, nor does a refusal end the child."""
    for _ in range(4):
        with pytest.raises(BadInputError, match="takes more than 64 MiB"):
            child.ask(b"grow", *BOUNDS)
        assert child.ask(b"nothing", *BOUNDS) == b"nothing"


def test_a_child_that_somebody_kills_is_tried_again(child: Bounded) -> None:
    os.kill(child._process.pid, signal.SIGKILL)
    with pytest.raises(TransientError, match=r"was killed \(-9\)"):
        child.ask(b"nothing", *BOUNDS)


def test_a_child_that_ends_by_itself_is_a_bug(child: Bounded) -> None:
    with pytest.raises(RuntimeError, match="its process ended with 3"):
        child.ask(b"end", *BOUNDS)


def test_it_ends_with_its_parent(child: Bounded) -> None:
    process = child._process
    child._connection.close()
    assert process.wait(timeout=10) == 0
