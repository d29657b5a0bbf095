"""The crawl as a command: its exit codes, processes, and what a kill leaves behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from jobs.artifacts.reading import Artifact
from jobs.crawl.settings import CrawlSettings
from jobs.errors import EXIT_BAD_INPUT, EXIT_STOPPED, EXIT_TRANSIENT, BadInputError
from tests.jobs.crawl.conftest import ARCHIVES, Crawl, flags
from tests.support.ccnews_server import Mirror
from tests.support.pico import run_job

# Every HTTPS connection is refused at once: a machine without a network.
OFFLINE = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"}
WAIT_SECONDS = 60


def start(mirror: Mirror, out: Path, **more: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "jobs.crawl", *flags(mirror, str(out), **more)]
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=OFFLINE, start_new_session=True
    )


@pytest.mark.slow
def test_a_crawl_that_is_killed_continues_where_it_stopped(
    run_crawl: Crawl, mirror: Mirror, tmp_path: Path
) -> None:
    mirror.hang.add(ARCHIVES[2])
    for number in (signal.SIGKILL, signal.SIGTERM):
        with start(mirror, tmp_path / "out") as process:
            wait_for_request(mirror, ARCHIVES[2])
            process.send_signal(number)
            _, said = process.communicate(timeout=WAIT_SECONDS)
        assert process.returncode == (EXIT_STOPPED if number == signal.SIGTERM else -number), said
        mirror.requests.remove(ARCHIVES[2])
    assert not (tmp_path / "out/manifest.json").exists()
    assert mirror.requests.count(ARCHIVES[0]) == mirror.requests.count(ARCHIVES[1]) == 1

    mirror.hang.clear()
    mirror.requests.clear()
    with start(mirror, tmp_path / "out", processes=2) as process:
        _, said = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 0, said
    read = [path for path in mirror.requests if path.endswith(".warc.gz")]
    assert sorted(read) == ARCHIVES[2:]
    assert Artifact.open(str(tmp_path / "out")).digest == run_crawl(tmp_path / "undisturbed").digest


@pytest.mark.slow
def test_processes_are_stopped_with_the_crawl(mirror: Mirror, tmp_path: Path) -> None:
    mirror.hang.update(ARCHIVES)
    with start(mirror, tmp_path / "out", processes=2) as process:
        wait_for_request(mirror, ARCHIVES[1])
        process.terminate()
        _, said = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == EXIT_STOPPED, said
    _, alive = psutil.wait_procs(alive_in_group(process.pid), timeout=WAIT_SECONDS)
    assert not alive


def test_an_opt_out_that_cannot_be_checked_is_not_taken_for_consent(
    mirror: Mirror, tmp_path: Path
) -> None:
    started = time.monotonic()
    checked = {"check_training_opt_out": "true", "publishers": "all"}
    with start(mirror, tmp_path / "out", **checked) as process:
        _, said = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == EXIT_TRANSIENT
    assert "of 180 publishers cannot be read" in said
    assert "set --check-training-opt-out false" in said
    assert time.monotonic() - started < 30
    assert not (tmp_path / "out").exists()


def test_an_unknown_publisher_is_bad_input(mirror: Mirror, tmp_path: Path) -> None:
    with start(mirror, tmp_path / "out", publishers="us,us.TheIntercpt") as process:
        _, said = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == EXIT_BAD_INPUT
    assert "'us.TheIntercpt' is unknown to Fundus; did you mean us.TheIntercept?" in said
    assert len(said.splitlines()) == 1


def alive_in_group(group: int) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE and os.getpgid(process.pid) == group
    ]


def wait_for_request(mirror: Mirror, path: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while path not in mirror.requests:
        assert time.monotonic() < deadline, f"{path} was never asked for"
        time.sleep(0.02)
    time.sleep(0.2)  # so that the half that is sent is being read


def test_a_month_that_is_not_over_is_refused(tmp_path: Path) -> None:
    result = run_job("crawl", "--period=2999-01", f"--out={tmp_path}/out")
    assert result.returncode == 64
    assert "--period 2999-01 is not over before 2999-02-01" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("period", ["0000-01", "0001-01", "1999-12", "9999-12"])
def test_a_period_outside_the_years_of_the_web_is_refused(tmp_path: Path, period: str) -> None:
    with pytest.raises(BadInputError, match=f"--period '{period}' is wrong"):
        CrawlSettings.from_flags(["--period", period, "--out", f"{tmp_path}/out"])
