"""Settings of the promote job."""

from typing import Annotated, ClassVar

from jobs.artifacts.releases import NAME
from jobs.command.settings import FlagSettings, Uri, Word, artifact_input
from jobs.validation import Shape

NAME_WORDS = "a name of letters, digits, dots, dashes and _"


class PromoteSettings(FlagSettings):
    """Writes the next numbered release record where the report's gate says GO.

    What was released before and is current no more is released again only with --override.
    """

    job: ClassVar[str] = "promote"
    example: ClassVar[str] = (
        "--candidate /data/candidate --report /data/report --releases /data/releases --name qwen"
    )
    version: ClassVar[str] = "1"
    outputs: ClassVar[tuple[str, ...]] = ("decision", "release")

    candidate: Annotated[Uri, artifact_input("model")]
    """URI of the candidate."""
    report: Annotated[Uri, artifact_input("report")]
    """URI of the report that gates it."""
    releases: Uri
    """URI below which each model's numbered records lie."""
    name: Annotated[str, Shape(f"^{NAME.pattern}$", NAME_WORDS)] | None = None
    """The model's name; default: the last part of the candidate's URI."""
    override: Annotated[str | None, Word("WHY")] = None
    """Promote without a GO, or again what was released before (a rollback, or back from one), for
    this reason; it stands in the record."""
