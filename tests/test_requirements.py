"""The locks: what each job's image installs."""

import subprocess
import sys

import pytest

from tests.support.paths import ROOT

JOBS = sorted(path.parent.name for path in (ROOT / "src/jobs").glob("*/__main__.py"))


def packages(job: str) -> set[str]:
    printed = subprocess.run(
        [sys.executable, ROOT / "requirements/of.py", job],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    names = [line for line in printed.splitlines() if line[:1].isalpha()]
    hashes = printed.count("--hash=sha256:")
    assert hashes >= len(names)
    return {name.split("==")[0].split("[")[0] for name in names}


@pytest.mark.parametrize("job", JOBS)
def test_each_job_has_an_image_that_installs_its_part_of_the_lock(job: str) -> None:
    assert {"obstore", "pydantic-settings", "boto3"} <= packages(job)
    dockerfile = (ROOT / "images" / job / "Dockerfile").read_text()
    assert f"requirements/of.py {job} " in dockerfile
    assert f'"jobs.{job}"' in dockerfile


def test_no_image_is_larger_than_its_job() -> None:
    assert "torch" not in packages("merge") | packages("crawl") | packages("report")
    assert {"torch", "deepspeed", "nvidia-nccl-cu13"} <= packages("train")
    assert {"lm-eval", "torch", "langdetect"} <= packages("evaluate")
    assert "deepspeed" not in packages("evaluate")
