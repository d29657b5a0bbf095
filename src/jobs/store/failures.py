"""What the store library raises, as our errors, and how often a remote store is asked again.

obstore repeats a request that was refused (5xx) or whose connection failed, and resumes an answer
that broke off. Three it does not, so that they are repeated here: create, which may not be
performed twice unless the caller knows its own object again; a delete, which S3 takes by POST; and
a listing whose answer broke off.
"""

import contextlib
import itertools
import random
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from obstore import exceptions

from jobs.errors import BadInputError, TransientError
from jobs.stopping import STOP

if TYPE_CHECKING:
    from obstore.store import RetryConfig

RETRY: "RetryConfig" = {
    # Time ends the retries, not their number. A pause is random, between the first and `base`
    # times the one before: short at first, for a store that fails one request in two.
    "max_retries": 50,
    "retry_timeout": timedelta(seconds=120),
    "backoff": {
        "init_backoff": timedelta(milliseconds=25),
        "max_backoff": timedelta(seconds=10),
        "base": 3,
    },
}
MOST_ATTEMPTS = 8
"""Of what obstore does not repeat by itself."""

T = TypeVar("T")


class NotFoundError(BadInputError):
    """There is no object at this path."""


def missing(uri: str, path: str) -> NotFoundError:
    """The error for an object that is not there."""
    return NotFoundError(f"nothing at {uri}/{path}")


@contextlib.contextmanager
def translated(uri: str, path: str, writing: bool = False) -> Iterator[None]:
    """Turns the store library's errors into ours, each naming the object at `path` of `uri`.

    Who writes asks for no object: a 404 is then a proxy's, or of an upload that was lost, and
    may pass. Once this process was told to stop, nothing is written: StoppedError.
    """
    if writing:
        STOP.check()
    failed = f"store failed at {uri}/{path}"
    try:
        yield
    except (exceptions.NotFoundError, FileNotFoundError) as error:
        _refuse_missing_bucket(uri, error)
        if writing:
            raise TransientError(f"{failed}: {_first(error)}") from error
        raise missing(uri, path) from error
    except (
        exceptions.PermissionDeniedError,
        exceptions.UnauthenticatedError,
        PermissionError,
    ) as error:
        raise _forbidden(uri, path, error) from error
    except exceptions.AlreadyExistsError:
        raise
    except (
        NotADirectoryError,
        IsADirectoryError,
        FileExistsError,
        ValueError,
        exceptions.InvalidPathError,
    ) as error:
        raise BadInputError(f"{uri}/{path} cannot be used: {_first(error)}") from error
    except (exceptions.BaseError, OSError) as error:
        _refuse_missing_bucket(uri, error)
        if "status code: 403" in str(error):  # a listing's refusal has no type of its own
            raise _forbidden(uri, path, error) from error
        raise TransientError(f"{failed}: {_first(error)}") from error


def tried(uri: str, path: str, operation: Callable[[], T], writing: bool = False) -> T:
    """What `operation` returns, repeated while a remote store fails and there is time."""
    most = 1 if uri.startswith("/") else MOST_ATTEMPTS
    deadline = time.monotonic() + RETRY["retry_timeout"].total_seconds()
    for attempt in itertools.count(1):
        pause = random.uniform(0, 0.05 * 2**attempt)
        try:
            with translated(uri, path, writing):
                return operation()
        except TransientError:
            if attempt == most or time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
    raise AssertionError


def _forbidden(uri: str, path: str, error: BaseException) -> BadInputError:
    return BadInputError(f"no permission for {uri}/{path}; check the credentials ({_first(error)})")


def _refuse_missing_bucket(uri: str, error: BaseException) -> None:
    if any(said in str(error) for said in ("NoSuchBucket", "bucket does not exist")):
        raise BadInputError(
            f"there is no bucket for {uri}; create it, or correct the URI"
        ) from error


def _first(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
