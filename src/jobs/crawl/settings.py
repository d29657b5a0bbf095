"""Settings of the crawl job."""

from datetime import UTC, datetime
from typing import Annotated, ClassVar

from pydantic import Field

from jobs.command.settings import OPERATIONAL, HttpAddress, SharedSettings, Word
from jobs.crawl.beforehand import (
    COMMON_CRAWL,
    list_path,
    meant_by,
    publishers_of_sources,
    why_no_period,
    why_unknown,
)
from jobs.kinds.promises import KeptArticles
from jobs.validation import Shape
from jobs.words import shown


class CrawlSettings(SharedSettings):
    """Crawls the news of one period with Fundus from the CC-NEWS archives."""

    job: ClassVar[str] = "crawl"
    example: ClassVar[str] = (
        "--period 2026-10 --publishers us,uk --out s3://bucket/perennial/articles/2026-10"
    )
    kind: ClassVar[str] = "articles"
    version: ClassVar[str] = "2"
    promises = KeptArticles

    period: Annotated[
        str, Shape(r"^2[0-9]{3}-(0[1-9]|1[0-2])$", "a month such as 2026-10"), Word("2026-10")
    ]
    """The month to crawl, as 2026-10: articles published in it, in UTC, are kept."""
    ccnews_server: Annotated[HttpAddress, OPERATIONAL] = Field(
        COMMON_CRAWL, json_schema_extra={"pattern": "^https?://"}
    )
    """Address of the CC-NEWS server or of a mirror with its layout."""
    publishers: tuple[str, ...] = Field(("all",), min_length=1, examples=[["us", "uk"]])
    """Fundus publishers: countries (us,uk), names (us.TheIntercept), or all."""
    check_training_opt_out: bool = True
    """Leave out publishers whose robots file disallows training; off where there is no network."""
    capture_days_after: int = Field(7, ge=0, le=366)
    """Archives begun up to so many days after the period are read too, for articles found late."""
    max_failed_archives: int = Field(0, ge=0, le=10**6)
    """So many archives may fail without failing the job; each is listed in accounting.json."""
    retry_seconds: Annotated[float, OPERATIONAL] = Field(10.0, ge=0, le=3600)
    """Wait before an archive or list is asked for a second time; doubled for the third and last."""
    min_bytes_per_second: Annotated[int, OPERATIONAL] = Field(50_000, ge=1, le=10**12)
    """A server that sends less, over a minute of waiting for it, is given up until the next try."""
    processes: Annotated[int, OPERATIONAL] = Field(0, ge=0, le=1024)
    """Processes that read archives in parallel; 0 is this process alone."""

    @classmethod
    def notes(cls) -> list[str]:
        """The publishers that there are, by the names that --publishers takes."""
        return [f"publishers of Fundus: {', '.join(publishers_of_sources() or ['not installed'])}"]

    def foreseen(self) -> list[tuple[str, str]]:
        """What a crawl refuses though each value is valid: field, and why; for a plan."""
        found = []
        if why := why_no_period(self.period, self.ccnews_server, datetime.now(UTC)):
            found.append(("period", why))
        if known := publishers_of_sources():
            meant = meant_by(known)
            unknown = [(shown(name), why_unknown(name, meant)) for name in self.publishers]
            found += [("publishers", f"{name} {why}") for name, why in unknown if why]
        return found

    def unforeseen(self) -> str:
        """Why it is not known whether there are such publishers, or ""."""
        is_known = publishers_of_sources() is not None
        return "" if is_known else "not known to be Fundus's: it is not installed here"

    def is_mirrored(self) -> bool:
        """Whether the archives are another server's than Common Crawl's."""
        return self.ccnews_server.rstrip("/") != COMMON_CRAWL.rstrip("/")

    def list_url(self) -> str:
        """Where the server lists the period's archives."""
        return f"{self.ccnews_server.rstrip('/')}/{list_path(self.period)}"
