"""Ids of the hub, and what goes wrong with it, as our errors."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from jobs.errors import FULL_DISK, MAKE_ROOM, BadInputError, TransientError
from jobs.libraries import cause

REPOSITORY = re.compile(r"[A-Za-z0-9_][\w.-]*/[\w.-]+", re.ASCII)
"""What an id of a model looks like: owner/name."""
PASSING = frozenset({408, 425, 429})
"""Of the answers from 400 to 499, those that a wait mends."""


_CAUSES = {
    "Name or service not known": "its host has no address; check the network",
    "name resolution": "its host has no address; check the network",
    "getaddrinfo": "its host has no address; check the network",
    "refused": "nothing listens there; check HF_ENDPOINT and the network",
    "CERTIFICATE": "its certificate is not trusted",
    "Timeout": "no answer in time",
    "timed out": "no answer in time",
}
"""What stands in an error's text or name, and what it means."""


def _refusal(error: Exception) -> int | None:
    """The status of an answer that will be the same next time."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if status is not None and 400 <= status < 500 and status not in PASSING else None


def _cause(error: Exception) -> str:
    """Why the hub failed, in plain words: its answer, or what the system says of the connection."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return f"it answers {status}"
    text = f"{type(error).__name__} {error} {error.__cause__ or ''}"
    for mark, words in _CAUSES.items():
        if mark in text:
            return words
    return cause(error)


@contextmanager
def hub_errors(
    kind: str, name: str, revision: str | None = None, missing: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Turns what the hub's libraries raise into one line that names the model or data set.

    `kind` is "model" or "data set"; `missing` is what a library beside huggingface_hub raises
    where there is none of this name.
    """
    import httpx2
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
        XetDownloadError,
    )

    named = name if kind == "model" else f"{kind} {name}"
    try:
        yield
    except GatedRepoError as error:
        raise BadInputError(
            f"{named} is gated: accept its licence on the hub and set HF_TOKEN"
        ) from error
    except (RepositoryNotFoundError, *missing) as error:
        raise BadInputError(
            f"the hub has no {kind} {name}, or it is private and HF_TOKEN is not set"
        ) from error
    except HFValidationError as error:
        raise BadInputError(
            f"{name!r} is no hub id; expected owner/name, as Qwen/Qwen2.5-0.5B"
        ) from error
    except RevisionNotFoundError as error:
        raise BadInputError(
            f"{named} has no revision {revision!r}; give a commit, branch or tag of it"
        ) from error
    except OfflineModeIsEnabled as error:
        raise BadInputError(
            f"{named} is no folder here, and HF_HUB_OFFLINE forbids to ask the hub for it; unset "
            "it, or correct the path"
        ) from error
    except (HfHubHTTPError, XetDownloadError, httpx2.HTTPError, OSError) as error:
        if (answer := _refusal(error)) is not None:
            raise BadInputError(
                f"the hub refuses {named} ({answer}); check the name and what HF_TOKEN may read"
            ) from error
        if isinstance(error, OSError) and error.errno in FULL_DISK:
            raise BadInputError(f"no room for {named}: {_cause(error)}; {MAKE_ROOM}") from error
        raise TransientError(f"the hub failed for {named}: {_cause(error)}") from error
    except (httpx2.InvalidURL, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInputError(
            f"what answers for {named} is no hub, or no {kind} of that name; "
            "check the name and HF_ENDPOINT"
        ) from error
