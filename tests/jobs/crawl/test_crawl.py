"""The crawl job against a mirror on loopback: what arrives, what fails, what is kept."""

from pathlib import Path

import pytest

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError, TransientError
from jobs.kinds.articles import SCHEMA, read_articles
from tests.jobs.crawl.conftest import ARCHIVES, Crawl
from tests.support.ccnews_server import Mirror, Page, archive_path, warc, write_mirror
from tests.support.paths import attempt_in


def urls(artifact: Artifact) -> list[str]:
    return [url for batch in read_articles(artifact) for url in batch["url"].to_pylist()]


def numbers(artifact: Artifact) -> list[int]:
    return [int(url.rpartition("/")[2].removesuffix(".html")) for url in urls(artifact)]


def test_a_crawl_keeps_the_articles_of_its_period_on_any_store(
    run_crawl: Crawl, store: str
) -> None:
    artifact = run_crawl(f"{store}/articles/2024-04")
    assert numbers(artifact) == [1000, 1001, 1010, 1011, 1020, 1021, 1030, 1031]
    assert artifact.manifest.kind == "articles"
    statistics = artifact.statistics
    assert (statistics["articles"], statistics["pages"], statistics["dropped"]) == (8, 8, {})
    assert statistics["archives"] == {"done": 4, "failed": 0, "skipped": 0}
    assert statistics["publishers"] == {"done": 1, "failed": 0, "skipped": 0}
    assert statistics["languages"] == {"en": 8}
    first = next(read_articles(artifact)).to_pylist()[0]
    assert list(first) == SCHEMA.names
    assert first["publisher"] == "Voice Of America"
    assert first["title"] == "A new bridge"
    assert first["body"].split("\n\n")[1] == "The old one had stood for ninety years."
    assert first["published_at"].isoformat() == "2024-04-01T12:00:00+00:00"
    assert first["captured_at"].isoformat() == "2024-04-10T12:00:00+00:00"
    assert first["source"] == ARCHIVES[0]
    assert first["training_opt_out"] == "unchecked"


def test_every_page_is_accounted_for(run_crawl: Crawl, mirror: Mirror, tmp_path: Path) -> None:
    pages = [
        Page(1, "2024-03-31T23:30:00-05:00"),  # 04:30 on the 1st of April in UTC: kept
        Page(2, "2024-04-30T23:30:00-05:00"),  # the 1st of May in UTC
        Page(3, "2024-04-01T00:00:00Z"),  # the start is included: kept
        Page(4, "2024-05-01T00:00:00Z"),  # the end is excluded
        Page(5, "2024-04-30T23:59:59"),  # no zone, taken for UTC: kept
        Page(6, "2024-04-10T12:00:00Z", body=""),
        Page(7, "2024-04-10T12:00:00Z", digest="sha1:" + "A" * 32),
        Page(8, "2024-04-10T12:00:00Z", content=b""),
        Page(9, "2024-04-10T12:00:00Z", site="https://www.voanews.com/video"),
        Page(10, "2024-04-10T12:00:00Z", site="https://example.org/a/bridge"),
        Page(11, "2024-04-10T12:00:00Z", site="https://www.wired.com/story"),  # not chosen
    ]
    write_mirror(
        tmp_path / "mirror",
        {archive_path("20240410120000"): warc(pages)},
        months=("2024/03", "2024/05"),
    )
    artifact = run_crawl(tmp_path / "out")
    assert numbers(artifact) == [3, 1, 5]
    account = artifact.read_json("accounting.json")
    counts = {
        "pages": 9,
        "kept": 3,
        "dropped": {
            "damaged": 1,
            "incomplete": 1,
            "no_article": 1,
            "outside_period": 2,
            "unparsable": 1,
        },
    }
    assert account["archives"] == {
        "CC-NEWS-20240410120000-00000": {
            "outcome": "done",
            "records": 11,
            "damaged_records": 0,
            "repaired_pages": 0,
            **counts,
        }
    }
    assert account["publishers"] == {
        "us.VoiceOfAmerica": {
            "name": "Voice Of America",
            "outcome": "done",
            "training": "unchecked",
            **counts,
        }
    }


def test_a_month_that_the_server_lacks_is_skipped_and_counted(
    run_crawl: Crawl, mirror: Mirror, tmp_path: Path
) -> None:
    mirror.status["crawl-data/CC-NEWS/2024/05/warc.paths.gz"] = 404
    artifact = run_crawl(tmp_path / "out")
    assert numbers(artifact) == [1000, 1001, 1010, 1011, 1020, 1021]
    assert artifact.read_json("accounting.json")["months"] == {
        "2024-03": {"outcome": "done", "archives": 0},
        "2024-04": {"outcome": "done", "archives": 3},
        "2024-05": {"outcome": "skipped", "why": "the server does not have it"},
    }


def test_a_period_that_the_server_lacks_is_refused(
    run_crawl: Crawl, mirror: Mirror, tmp_path: Path
) -> None:
    with pytest.raises(BadInputError, match="the server has no archives of 2023-07"):
        run_crawl(tmp_path / "out", period="2023-07")


def test_a_server_that_is_down_is_transient(
    run_crawl: Crawl, mirror: Mirror, tmp_path: Path
) -> None:
    with pytest.raises(TransientError, match="Connection refused"):
        run_crawl(tmp_path / "out", ccnews_server="http://127.0.0.1:1/")
    mirror.status["crawl-data/CC-NEWS/2024/03/warc.paths.gz"] = 503
    with pytest.raises(TransientError, match="503"):
        run_crawl(tmp_path / "out")
    assert mirror.requests == ["crawl-data/CC-NEWS/2024/03/warc.paths.gz"] * 3


@pytest.mark.parametrize("fault", ["truncated file", "short transfer", "altered", "503", "404"])
def test_an_archive_that_fails_is_named_and_the_others_are_kept(
    run_crawl: Crawl, mirror: Mirror, tmp_path: Path, fault: str
) -> None:
    path = tmp_path / "mirror" / ARCHIVES[1]
    whole = path.read_bytes()
    if fault == "truncated file":
        path.write_bytes(whole[:-20])
    elif fault == "altered":
        path.write_bytes(whole[:300] + bytes([whole[300] ^ 0xFF]) + whole[301:])
    elif fault == "short transfer":
        mirror.cut_short.add(ARCHIVES[1])
    else:
        mirror.status[ARCHIVES[1]] = int(fault)

    with pytest.raises(TransientError, match=r"1 of 4 archives failed: .*20240408060000"):
        run_crawl(tmp_path / "out")
    assert not (tmp_path / "out/manifest.json").exists()
    assert mirror.requests.count(ARCHIVES[1]) == (1 if fault == "404" else 3)

    tolerant = run_crawl(tmp_path / "tolerant", max_failed_archives=1)
    assert numbers(tolerant) == [1000, 1001, 1020, 1021, 1030, 1031]
    assert tolerant.statistics["archives"] == {"done": 3, "failed": 1, "skipped": 0}

    path.write_bytes(whole)
    mirror.cut_short.clear()
    mirror.status.clear()
    mirror.requests.clear()
    again = run_crawl(tmp_path / "out")
    assert [item for item in mirror.requests if item.endswith(".warc.gz")] == [ARCHIVES[1]]
    assert again.digest == run_crawl(tmp_path / "undisturbed").digest


def test_a_server_that_goes_down_is_not_asked_for_every_archive(
    run_crawl: Crawl, mirror: Mirror, tmp_path: Path
) -> None:
    paths = [archive_path("20240410120000", number) for number in range(20)]
    write_mirror(tmp_path / "mirror", dict.fromkeys(paths, b""))
    mirror.status = dict.fromkeys(paths, 503)
    with pytest.raises(TransientError, match="5 archives failed in a row"):
        run_crawl(tmp_path / "out")
    assert len(set(mirror.requests) & set(paths)) == 5


def test_parts_of_another_crawl_or_damaged_ones_are_not_reused(
    run_crawl: Crawl, mirror: Mirror, tmp_path: Path
) -> None:
    mirror.status[ARCHIVES[3]] = 503
    with pytest.raises(TransientError):
        run_crawl(tmp_path / "out")
    with pytest.raises(TransientError):
        run_crawl(tmp_path / "other", publishers="us.Wired")
    part = "part-CC-NEWS-20240401060000-00000.parquet"
    out, other = attempt_in(tmp_path / "out"), attempt_in(tmp_path / "other")
    (out / part).write_bytes((other / part).read_bytes())
    damaged = out / "part-CC-NEWS-20240408060000-00000.parquet"
    data = bytearray(damaged.read_bytes())
    data[60] ^= 0xFF
    damaged.write_bytes(data)
    mirror.status.clear()
    mirror.requests.clear()
    artifact = run_crawl(tmp_path / "out")
    assert numbers(artifact) == [1000, 1001, 1010, 1011, 1020, 1021, 1030, 1031]
    assert [item for item in mirror.requests if item.endswith(".warc.gz")] == [
        ARCHIVES[0], ARCHIVES[1], ARCHIVES[3],
    ]  # fmt: skip
