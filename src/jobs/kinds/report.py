"""What an artifact of kind ``report`` holds, as far as promote relies on it.

report.json    the report as data; `Verdicts` is what others read of it
"""

from jobs.artifacts.reading import Artifact
from jobs.kinds.promises import Decision
from jobs.records import Promised

REPORT = "report.json"


class CandidateVerdict(Promised):
    """The gate's verdict on one candidate."""

    digest: str
    """The candidate's."""
    decision: Decision
    reasons: tuple[str, ...]


class Verdicts(Promised):
    """The gate's verdict on each candidate."""

    candidates: tuple[CandidateVerdict, ...]

    @classmethod
    def of(cls, report: Artifact) -> "Verdicts":
        """Raises BadInputError where there are none."""
        return cls.parse(report.read(REPORT), f"{report.uri}/{REPORT} is not a report")
