"""Periods that can be crawled, and publishers that Fundus knows."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs.artifacts.manifest import Work
from jobs.artifacts.writing import ArtifactWriter
from jobs.store.prefix import Prefix
from tests.pipelines.conftest import WriteFleet
from tests.pipelines.plan.conftest import Told, problems

NOW = datetime.now(UTC)


PERIODS = [
    (f"{NOW:%Y-%m}", "is not over before 2"),
    (f"{NOW + timedelta(days=32):%Y-%m}", "is not over before 2"),
    ("2999-12", "is not over before 3000-01-01; what is crawled now would stand for all of it"),
    ("2016-07", "is before the archives of CC-NEWS begin; the first month is 2016-08"),
    ("2000-01", "is before the archives of CC-NEWS begin; the first month is 2016-08"),
]


@pytest.mark.parametrize(("period", "says"), PERIODS)
def test_periods(write_sound: WriteFleet, told: Told, period: str, says: str) -> None:
    (problem,) = problems(told(write_sound(), period=period))
    assert problem.startswith(f"--period: {period} {says}")
    (problem,) = problems(told(write_sound(), f"period={period}"))
    assert problem.startswith(f"-p period: {period} {says}")


@pytest.mark.parametrize("period", ["2016-08", f"{NOW.replace(day=1) - timedelta(days=1):%Y-%m}"])
def test_periods_that_can_be_crawled(write_sound: WriteFleet, told: Told, period: str) -> None:
    assert problems(told(write_sound(), period=period)) == []


def test_articles_that_are_there_are_not_crawled_again(
    write_sound: WriteFleet, told: Told, tmp_path: Path
) -> None:
    """As they were made with other settings, only that is told."""
    path = write_sound("[us, uk]", "[us, nowhere]")
    found = told(path, plan=True)
    assert found.plan is not None
    out = next(one.step.inputs["out"] for one in found.plan.steps if one.step.job == "crawl")
    writer = ArtifactWriter(
        Prefix(out), Work(kind="articles", producer="another 1", settings={}, inputs={}), {}
    )
    writer.write("a", b"a")
    writer.commit({"kept": 1})
    (problem,) = problems(told(path, plan=True))
    assert problem.startswith("crawl would refuse: ")
    assert problem.endswith("choose another --store, or delete what is there")


PUBLISHERS = [
    ("[ukk]", "'ukk' is unknown to Fundus; did you mean uk?"),
    ("[US]", "'US' is unknown to Fundus; did you mean us?"),
    ("[us.TheIntercpt]", "did you mean us.TheIntercept?"),
    ("[TheGuardien]", "did you mean TheGuardian?"),
    ("[uk.TheIntercept]", "'uk.TheIntercept' is unknown to Fundus; did you mean us.TheIntercept?"),
    ("[al]", "did you mean all?"),
    ("[zzzzzz]", "'zzzzzz' is unknown to Fundus; countries are at,au,be,ca,"),
    ("[us.]", "'us.' is unknown to Fundus; did you mean us?"),
    ("[us.uk]", "'us.uk' is unknown to Fundus"),
    ("['*']", "'*' is unknown to Fundus"),
    ("[BBC News]", "'BBC News' is unknown to Fundus; "),
]


@pytest.mark.parametrize(("publishers", "says"), PUBLISHERS)
def test_publishers(write_sound: WriteFleet, told: Told, publishers: str, says: str) -> None:
    path = write_sound("[us, uk]", publishers)
    (problem,) = problems(told(path))
    assert problem.startswith(f"{path}:6:15: crawl.publishers: ")
    assert says in problem


def test_each_unknown_publisher_is_told(write_sound: WriteFleet, told: Told) -> None:
    found = problems(told(write_sound(), "crawl-publishers=us,ukk,xx,all"))
    assert [line.split(";")[0] for line in found] == [
        "-p crawl-publishers: 'ukk' is unknown to Fundus",
        "-p crawl-publishers: 'xx' is unknown to Fundus",
    ]
