"""What is known of the folder or bucket that the suite's data sets are sealed from."""

from dataclasses import dataclass

from jobs.artifacts.folders import looks_like_an_artifact
from jobs.errors import BadInputError, TransientError
from jobs.store.failures import OF_A_GLANCE
from jobs.store.prefix import Prefix
from jobs.store.source import place_of


@dataclass(frozen=True)
class Mirror:
    """None of it where the data sets come from the hub."""

    bytes_to_fetch: int | None = 0
    """From a bucket: of all that lies there; None is unknown."""
    problem: str = ""
    """Why a run would fail."""
    unanswered: str = ""
    """Why it is not known whether one would."""


def know_mirror(source: str) -> Mirror:
    """By its names and sizes. `source` is what the workflow's ``bundle-from`` says."""
    uri = place_of(source) if source else None
    if uri is None:
        return Mirror(problem=f"there is no folder {source}" if source else "")
    place = Prefix(uri, OF_A_GLANCE)
    try:
        names, folders = place.inside()
        if looks_like_an_artifact(names, folders):
            return Mirror(problem=f"{uri} is an artifact of the store, not a mirror of data sets")
        if place.folder is None and not names and not folders:
            return Mirror(problem=f"nothing lies at {uri}; correct it")
        size = sum(size for _, size in place.list()) if place.folder is None else 0
    except BadInputError as error:
        return Mirror(problem=str(error))
    except TransientError as error:
        return Mirror(bytes_to_fetch=None, unanswered=str(error))
    return Mirror(bytes_to_fetch=size)
