"""Archives that failed, as people report them; their README says what is right for each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.kinds.articles import read_articles
from tests.jobs.crawl.conftest import Crawl
from tests.support.ccnews_server import Mirror, serve
from tests.support.paths import SHARED

CASES = SHARED / "cases/crawl"

pytestmark = pytest.mark.skipif(
    not CASES.is_dir(), reason="the cases lie outside the repository, in ../shared/cases/crawl"
)

# Case → articles kept, pages dropped by reason, damaged records, repaired pages.
EXPECTED: dict[str, tuple[int, dict[str, int], int, int]] = {
    "no-target-uri": (4, {}, 1, 0),
    "bracket-host-url": (4, {}, 0, 0),
    "tz-offset-24h": (4, {"unparsable": 1}, 0, 0),
    "charset-undefined": (5, {}, 0, 0),
    "content-length-short": (4, {"damaged": 1}, 0, 0),
    "content-length-huge": (4, {"damaged": 1}, 0, 0),
    "content-length-word": (4, {"damaged": 1}, 0, 0),
    "chardet-quadratic": (1, {"incomplete": 1}, 0, 1),
    "enc-latin1-header-cp1252-page": (2, {}, 0, 0),
    "enc-latin1-header-utf8-page": (2, {}, 0, 0),
    "enc-utf8-one-stray-byte": (2, {}, 0, 1),
    "xml-prolog": (5, {}, 0, 0),
}
FERRY = (
    "The mayor’s office said the bridge — closed since May — “will open soon” and cost €4 million."
)


@pytest.fixture
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def mirror(case: str) -> Iterator[Mirror]:
    with serve(CASES / case) as running:
        yield running


@pytest.mark.timeout(60)
@pytest.mark.parametrize("case", EXPECTED, indirect=True)
def test_a_case_comes_out_right(run_crawl: Crawl, case: str, tmp_path: Path) -> None:
    articles, dropped, damaged, repaired = EXPECTED[case]
    artifact = run_crawl(tmp_path / "out")
    said: dict[str, Any] = artifact.statistics
    assert (said["articles"], said["dropped"]) == (articles, dropped)
    assert (said["damaged_records"], said["repaired_pages"]) == (damaged, repaired)
    rows = [row for batch in read_articles(artifact) for row in batch.to_pylist()]
    if case.startswith("enc-"):
        odd = next(row for row in rows if row["url"].endswith("/999.html"))
        assert odd["body"].split("\n\n")[0] == FERRY
        assert odd["body"].count("\ufffd") == repaired


def test_every_case_is_expected() -> None:
    assert {path.name for path in CASES.iterdir()} == set(EXPECTED)
