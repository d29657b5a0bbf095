"""What verifying finds."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a finding is. Only the first is wrong; the others are said, as they may be meant."""

    WRONG = "wrong"
    GONE = "gone"
    """Deleted since something was made from it: only its digest is known."""
    OUTSIDE = "outside"
    """In another store, at which nobody looked."""
    UNFINISHED = "unfinished"
    """Of an attempt that was not committed: it is running, was killed, or lost a race."""
    OTHER = "other"
    """Of no artifact and no release."""


@dataclass(frozen=True)
class Finding:
    """One line."""

    kind: Kind
    where: str
    """A path below the store; or a URI, of what lies outside."""
    what: str
    """What there is to say about it, and what to do."""


def wrong(where: str, what: str, fix: str) -> Finding:
    """Something to mend."""
    return Finding(Kind.WRONG, where, f"{what}; {fix}")
