"""A stop while Fundus, which catches whatever a parser raises, is parsing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from jobs.errors import EXIT_STOPPED
from jobs.store.prefix import Prefix
from tests.jobs.crawl.conftest import ARCHIVES, flags
from tests.support.ccnews_server import Mirror, Page, serve, warc, write_mirror

PAGES, PARAGRAPHS = 8, 4000  # about a quarter of a second each, nearly all of it in the parser


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Mirror]:
    """A mirror of one archive, whose pages take long to parse."""
    body = "\n\n".join(
        f"The mayor opened bridge number {number} on Monday." for number in range(PARAGRAPHS)
    )
    pages = [Page(1000 + n, f"2024-04-{n + 1:02d}T12:00:00Z", body=body) for n in range(PAGES)]
    months = ("2024/03", "2024/04", "2024/05")
    write_mirror(tmp_path / "mirror", {ARCHIVES[0]: warc(pages)}, months)
    with serve(tmp_path / "mirror") as running:
        yield running


# Tells the crawl to stop while Fundus reads the n-th attribute of a page, within its ``try``.
TOLD_WITHIN_THE_PARSER = """
import os, signal
from fundus.parser.base_parser import Attribute
numbers, read = iter(range(1, 1000)), Attribute.__call__

def told(*given, **named):
    if next(numbers) == int(os.environ["TELL_AT"]):
        os.kill(os.getpid(), signal.SIGTERM)
    return read(*given, **named)

Attribute.__call__ = told
"""


def start(mirror: Mirror, out: Path, **more: str) -> subprocess.Popen[str]:
    mirror.requests.clear()
    processes = "1" if more else "2"
    command = [sys.executable, "-m", "jobs.crawl", *flags(mirror, str(out), processes=processes)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **more})


def wait_for_archive(mirror: Mirror) -> None:
    deadline = time.monotonic() + 60
    while ARCHIVES[0] not in mirror.requests:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.parametrize("attribute", [1, 6, 23])
def test_no_page_is_counted_out_by_a_stop_while_it_is_parsed(
    large: Mirror, tmp_path: Path, attribute: int
) -> None:
    (tmp_path / "sitecustomize.py").write_text(TOLD_WITHIN_THE_PARSER)
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    with start(large, tmp_path / "out", PYTHONPATH=path, TELL_AT=f"{attribute}") as process:
        _, said = process.communicate(timeout=30)
    assert process.returncode == EXIT_STOPPED, said
    assert said.endswith("ERROR crawl: stopped by SIGTERM; the same command continues\n")
    assert not [name for name, _ in Prefix(tmp_path / "out").list() if name.endswith(".parquet")]


@pytest.mark.slow
def test_a_killed_crawl_takes_its_processes_along(large: Mirror, tmp_path: Path) -> None:
    with start(large, tmp_path / "out") as process:
        wait_for_archive(large)
        family = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=30)
    assert len(family) >= 3, "a server of forks, its keeper, and the reader"
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]
