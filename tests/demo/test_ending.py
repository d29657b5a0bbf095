"""What the demo shows at its end is what the report holds."""

from pathlib import Path

from demo.ending import comparison
from jobs.command.running import begin, finish
from jobs.report.evidence.collect import open_run
from jobs.report.settings import ReportSettings
from jobs.report.work import write_report
from tests.jobs.report.fake_run import make_run


def test_the_three_models_stand_below_each_other(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.make_control()
    run.score_all("s1", 0.104, 0.9)
    settings = ReportSettings(run=run.uri, out=f"{run.uri}/report")
    job = begin(settings, open_run(settings))
    assert job is not None
    finish(job, write_report(job))
    shown = comparison(f"{run.uri}/report").splitlines()
    assert [line.rsplit(maxsplit=2)[1:] for line in shown[3:6]] == [
        ["31.0", "1.50"],
        ["10.4", "0.90"],
        ["31.0", "1.20"],
    ]
    assert max(map(len, shown)) <= 100
    assert len({len(line) for line in shown[3:6]}) == 1
