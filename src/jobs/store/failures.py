"""What the store library raises, as our errors, and how often a remote store is asked again.

obstore repeats a request that was refused (5xx) or whose connection failed, and resumes an answer
that broke off. Three it does not, so that they are repeated here: create, which may not be
performed twice unless the caller knows its own object again; a delete, which S3 takes by POST; and
a listing whose answer broke off.
"""

import contextlib
import errno
import itertools
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from obstore import exceptions

from jobs.errors import FULL_DISK, MAKE_ROOM, BadInputError, PerennialError, TransientError
from jobs.stopping import STOP
from jobs.store.said import said

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


@dataclass(frozen=True)
class Patience:
    """How long a remote store is waited for."""

    request_seconds: float
    """Most that one request may take. It does not bound a stop: nobody interrupts a request, but
    `jobs.stopping` ends the process."""
    retry_seconds: float | None = None
    """From here on a request that failed is not repeated; default: `RETRY`'s."""

    def retries(self) -> "RetryConfig":
        """As obstore takes it."""
        if self.retry_seconds is None:
            return RETRY
        pauses = RETRY["backoff"] | {"max_backoff": timedelta(seconds=1)}
        return RETRY | {
            "retry_timeout": timedelta(seconds=self.retry_seconds),
            "backoff": pauses,
        }


OF_A_JOB = Patience(300)
"""Patience with a slow line, at 8 MiB and more a request."""
OF_A_PERSON = Patience(10, 10)
"""Who asks what there is, and waits for it."""
OF_A_GLANCE = Patience(5, 3)
"""Who asks for what may as well stay unknown."""

LASTING = frozenset({
    errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP, errno.ENXIO, errno.ENODEV, errno.EOPNOTSUPP,
    errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.EILSEQ, errno.EFBIG, *FULL_DISK,
})  # fmt: skip
"""Errors of a file system that no wait mends."""
LASTING_ANSWERS = frozenset({301, 405, 501})
"""Of a server that is another than the URI means, or takes no writes."""
_NUMBER = re.compile(r"\(os error (\d+)\)|status code: (\d+)")
_OTHER_REGION = "redirect without LOCATION"

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
    try:
        yield
    except (exceptions.NotFoundError, FileNotFoundError) as error:
        _refuse_missing_bucket(uri, error)
        if writing:
            raise TransientError(f"store failed at {uri}/{path}: {said(error)}") from error
        raise missing(uri, path) from error
    except (
        exceptions.PermissionDeniedError,
        exceptions.UnauthenticatedError,
        PermissionError,
    ) as error:
        raise _forbidden(uri, path, error) from error
    except exceptions.AlreadyExistsError as error:  # of a create it is caught before
        raise TransientError(f"store failed at {uri}/{path}: {said(error)}") from error
    except exceptions.PreconditionError as error:
        raise TransientError(
            f"{uri}/{path} was written anew while it was read; the same command reads what is "
            "there now"
        ) from error
    except (
        NotADirectoryError,
        IsADirectoryError,
        FileExistsError,
        ValueError,
        exceptions.InvalidPathError,
    ) as error:
        raise BadInputError(f"{uri}/{path} cannot be used: {said(error)}") from error
    except (exceptions.BaseError, OSError) as error:
        _refuse_missing_bucket(uri, error)
        raise _by_its_number(uri, path, error, writing) from error


def tried(
    uri: str,
    path: str,
    operation: Callable[[], T],
    writing: bool = False,
    patience: Patience = OF_A_JOB,
) -> T:
    """What `operation` returns, repeated while a remote store fails and there is time."""
    most = 1 if uri.startswith("/") else MOST_ATTEMPTS
    deadline = time.monotonic() + patience.retries()["retry_timeout"].total_seconds()
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
    fix = "check who may use it" if uri.startswith("/") else "check the credentials"
    return BadInputError(f"no permission for {uri}/{path}; {fix} ({said(error)})")


def _by_its_number(uri: str, path: str, error: BaseException, writing: bool) -> PerennialError:
    """What an error is that has no type of its own: its number stands in obstore's text only."""
    found = _NUMBER.findall(str(error))
    numbers = {int(system) for system, _ in found if system} | {getattr(error, "errno", None)}
    answers = {int(answer) for _, answer in found if answer}
    if HTTPStatus.FORBIDDEN in answers or numbers & {errno.EACCES, errno.EPERM}:
        return _forbidden(uri, path, error)
    if numbers & LASTING or answers & LASTING_ANSWERS or _OTHER_REGION in str(error):
        what = "written" if writing else "read"
        fix = MAKE_ROOM if numbers & FULL_DISK else "choose a store that can"
        return BadInputError(f"{uri}/{path} cannot be {what}: {said(error)}; {fix}")
    return TransientError(f"store failed at {uri}/{path}: {said(error)}")


def _refuse_missing_bucket(uri: str, error: BaseException) -> None:
    if any(mark in str(error) for mark in ("NoSuchBucket", "bucket does not exist")):
        raise BadInputError(
            f"there is no bucket for {uri}; create it, or correct the URI"
        ) from error
