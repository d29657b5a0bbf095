"""Whether the store answers, within the patience of someone who waits for it."""

import threading
from collections.abc import Callable

from jobs.errors import PerennialError, TransientError
from jobs.store.bucket import s3_endpoint
from jobs.store.failures import OF_A_PERSON
from jobs.store.prefix import Prefix
from jobs.store.said import said

SAID_AFTER_SECONDS = 3.0
GIVEN_UP_AFTER_SECONDS = 15.0
FIX = "check the network, the URI and AWS_ENDPOINT_URL"


def look_at_store(
    uri: str,
    say: Callable[[str], object],
    said_after: float = SAID_AFTER_SECONDS,
    given_up_after: float = GIVEN_UP_AFTER_SECONDS,
) -> None:
    """One look, in a thread that is left to itself when the time is up: no library ends it.

    Raises BadInputError for what is no store that may be used; TransientError where it does not
    answer.
    """
    failed: list[Exception] = []

    def look() -> None:
        try:
            Prefix(uri, OF_A_PERSON).look()
        except Exception as error:  # noqa: BLE001  told by the one who waits
            failed.append(error)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(said_after)
    if thread.is_alive():
        say(
            f"the store {uri} has not answered for {said_after:g} s; "
            f"given up after {given_up_after:g} s"
        )
        thread.join(given_up_after - said_after)
    if thread.is_alive():
        raise TransientError(f"the store {uri} did not answer within {given_up_after:g} s; {FIX}")
    for error in failed:
        if isinstance(error, TransientError):
            raise _unanswered(uri, error.__cause__ or error) from error
        if isinstance(error, PerennialError):
            raise error
        raise _unanswered(uri, error) from error


def _unanswered(uri: str, cause: BaseException) -> TransientError:
    """With one fix: that of the cause, where it has one."""
    endpoint = s3_endpoint() if uri.startswith("s3://") else None
    at = f" at {endpoint}" if endpoint else ""
    why, _, fix = said(cause).partition("; ")
    return TransientError(f"the store {uri} does not answer{at}: {why}; {fix or FIX}")
