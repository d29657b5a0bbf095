"""Choosing publishers, and what their robots files are taken to say."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fundus import PublisherCollection
from fundus.publishers import Publisher

from jobs.artifacts.manifest import Work
from jobs.artifacts.writing import ArtifactWriter
from jobs.crawl.beforehand import publishers_of_sources
from jobs.crawl.publishers import OptOut, agreed_opt_outs, all_publishers, check_opt_outs, choose
from jobs.crawl.settings import CrawlSettings
from jobs.errors import BadInputError, TransientError
from jobs.store.prefix import Prefix
from tests.support.ccnews_server import Mirror, serve


@pytest.mark.parametrize(
    ("names", "number"),
    [(["us"], 20), (["us", "us.Wired", "Wired"], 20), (["Wired"], 1), (["all"], 180)],
)
def test_publishers_are_chosen_by_country_name_or_all(names: list[str], number: int) -> None:
    assert len(choose(names)) == number


def test_names_are_read_from_funduss_sources_as_it_has_them() -> None:
    """The plan of a run reads them without importing Fundus, which takes two seconds."""
    assert publishers_of_sources() == tuple(sorted(all_publishers()))


def test_what_a_crawl_foresees_is_what_it_refuses() -> None:
    settings = CrawlSettings.from_flags(
        ["--period=2999-01", "--out=/x", "--publishers=us.TheIntercpt,us"]
    )
    (period, publishers) = settings.foreseen()
    assert period[1].startswith("is not over before 2999-02-01; what is crawled now")
    with pytest.raises(BadInputError) as caught:
        choose(settings.publishers)
    assert str(caught.value) == f"--publishers {publishers[1]}"


def test_ids_say_the_country() -> None:
    assert choose(["uk.TheMirror", "Wired"]) == {
        "uk.TheMirror": PublisherCollection.uk.TheMirror,
        "us.Wired": PublisherCollection.us.Wired,
    }


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("us.theintercept", r"did you mean us\.TheIntercept\?"),
        ("Reuter", r"did you mean Reuters\?"),
        ("12345678", "countries are at,au,be,"),
    ],
)
def test_an_unknown_publisher_is_refused_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(BadInputError, match=hint):
        choose([name])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Mirror]:
    (tmp_path / "site").mkdir()
    with serve(tmp_path / "site") as running:
        yield running


def publisher(domain: str) -> Publisher:
    wired = PublisherCollection.us.Wired
    sources = [source for group in wired.source_mapping.values() for source in group]
    return Publisher("A Paper", domain, type(wired.parser), sources)


@pytest.mark.parametrize(
    ("robots", "status", "expected"),
    [
        ("User-agent: *\nDisallow: /private\n", 0, OptOut(True, "robots file allows training")),
        (
            "# Not for training of language models.\nUser-agent: *\nDisallow:\n",
            0,
            OptOut(False, "robots file disallows training"),
        ),
        ("", 404, OptOut(True, "no robots file (404)")),
        ("", 403, OptOut(None, "{url} answered 403")),
        ("", 503, OptOut(None, "{url} answered 503")),
    ],
)
def test_what_a_robots_file_says(
    site: Mirror, tmp_path: Path, robots: str, status: int, expected: OptOut
) -> None:
    (tmp_path / "site/robots.txt").write_text(robots)
    site.status["robots.txt"] = status
    asked = {"us.APaper": publisher(site.address), "us.B": publisher(f"{site.address}b")}
    (tmp_path / "site/b").mkdir()
    (tmp_path / "site/b/robots.txt").write_text("")
    url = f"{site.address}robots.txt"
    assert check_opt_outs(asked)["us.APaper"] == OptOut(
        expected.allows_training, expected.why.format(url=url)
    )


def test_no_network_is_not_consent() -> None:
    asked = {f"us.P{number}": publisher("http://127.0.0.1:1/") for number in range(40)}
    with pytest.raises(TransientError, match="the robots files of 16 of 40 publishers cannot"):
        check_opt_outs(asked)


def test_all_attempts_go_by_the_first_answers(site: Mirror, tmp_path: Path) -> None:
    (tmp_path / "site/robots.txt").write_text("")

    def attempt() -> ArtifactWriter:
        work = Work(kind="articles", producer="crawl 2", settings={}, inputs={})
        return ArtifactWriter(Prefix(tmp_path / "out"), work, {})

    first = agreed_opt_outs(attempt(), {"us.APaper": publisher(site.address)})
    (tmp_path / "site/robots.txt").write_text("# no training\n")
    assert agreed_opt_outs(attempt(), {"us.APaper": publisher(site.address)}) == first
    assert site.requests == ["robots.txt"]
    others = {"us.B": publisher(site.address), "us.C": publisher(site.address)}
    found = agreed_opt_outs(attempt(), others)
    assert [item.allows_training for item in found.values()] == [False, False]
