"""A small mirror, and the crawl job run against it in this process."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.artifacts.reading import Artifact
from jobs.command.running import begin, finish
from jobs.crawl.settings import CrawlSettings
from jobs.crawl.work import crawl
from tests.support.ccnews_server import Mirror, Page, archive_path, serve, warc, write_mirror

# One archive a week; the last was begun after the period, for articles that were found late.
ARCHIVES = [
    archive_path(begun)
    for begun in ("20240401060000", "20240408060000", "20240415060000", "20240502060000")
]

Crawl = Callable[..., Artifact]


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    """Four archives of two articles of April 2024 each; the months around it are there too."""
    archives = {
        path: warc(
            [
                Page(1000 + 10 * week + item, f"2024-04-{7 * week + item + 1:02d}T12:00:00Z")
                for item in range(2)
            ]
        )
        for week, path in enumerate(ARCHIVES)
    }
    write_mirror(tmp_path / "mirror", archives, months=("2024/03", "2024/04", "2024/05"))
    with serve(tmp_path / "mirror") as running:
        yield running


def flags(mirror: Mirror, out: str, **more: object) -> list[str]:
    """The command line of a crawl of April 2024, without the check of opt-outs."""
    settings = {
        "period": "2024-04",
        "ccnews_server": mirror.address,
        "publishers": "us.VoiceOfAmerica",
        "check_training_opt_out": "false",
        "retry_seconds": 0.05,
        "out": out,
        **more,
    }
    return [
        text
        for name, value in settings.items()
        for text in (f"--{name.replace('_', '-')}", f"{value}")
    ]


@pytest.fixture
def run_crawl(mirror: Mirror) -> Crawl:
    """Crawls as the command line does, and gives the artifact."""

    def run(out: str | Path, **more: Any) -> Artifact:
        job = begin(settings := CrawlSettings.from_flags(flags(mirror, str(out), **more)), {})
        return finish(job, crawl(job)) if job else Artifact.open(settings.out)

    return run
