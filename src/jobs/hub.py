"""What goes wrong with the hub, as our errors."""

from collections.abc import Iterator
from contextlib import contextmanager

from jobs.errors import BadInputError, TransientError


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
        raise BadInputError(f"{name!r} is no hub id: {error}") from error
    except RevisionNotFoundError as error:
        raise BadInputError(f"{named} has no revision {revision!r}") from error
    except (HfHubHTTPError, XetDownloadError, httpx2.HTTPError, OSError) as error:
        raise TransientError(f"the hub failed for {named}: {error}") from error
    except (httpx2.InvalidURL, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInputError(
            f"what answers for {named} is no hub, or no {kind} of that name ({error!r}); "
            "check the name and HF_ENDPOINT"
        ) from error
