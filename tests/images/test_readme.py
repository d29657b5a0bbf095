"""images/README.md names every job's image, and tells which stand on torch's layer."""

import re

from images.build import JOBS, layer
from tests.support.paths import ROOT

ROW = re.compile(r"^\| (\w+) \| ([\d,]+) \| ([\d,]*) ?\| ([\d,]+) \|$", re.MULTILINE)


def test_the_table_of_sizes_has_each_job_once() -> None:
    rows = ROW.findall((ROOT / "images/README.md").read_text())
    assert [job for job, *_ in rows] == JOBS
    for job, *sizes in rows:
        whole, torch, own = (int(size.replace(",", "") or 0) for size in sizes)
        assert bool(torch) == (layer(job) == "torch"), job
        assert whole > torch + own, job
