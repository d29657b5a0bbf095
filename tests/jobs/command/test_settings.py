"""The contract of a job's command line, seen from outside."""

import json
from pathlib import Path

import pytest

from jobs.command.quantity import parse_count
from jobs.command.settings import JobSettings
from jobs.crawl.settings import CrawlSettings
from jobs.errors import BadInputError
from jobs.evaluate.settings import EvaluateSettings
from jobs.pack.settings import PackSettings
from jobs.report.settings import ReportSettings
from jobs.train.settings import TrainSettings
from tests.support.pico import commit_articles, commit_llama, run_job


@pytest.mark.parametrize(
    ("settings", "flags", "said"),
    [
        (CrawlSettings, ["--perid", "x"], "unknown flag --perid; did you mean --period?"),
        (CrawlSettings, ["--out", "x"], "--period is required"),
        (CrawlSettings, ["--out", "x", "--period", "2026-13"], "--period '2026-13' is wrong"),
        (CrawlSettings, ["--out", "ftp://x", "--period", "2026-10"], "unknown scheme 'ftp'"),
        (PackSettings, ["--out=x", "--tokenizer=t"], "give --articles, --conversations, or both"),
        (
            PackSettings,
            ["--out=x", "--tokenizer=t", "--articles=a", "--conversations=c"],
            "--articles beside --conversations need --article-share, such as 0.5",
        ),
        *(
            (
                PackSettings,
                ["--out=x", "--tokenizer=t", f"--{one}=a", "--article-share=0.5"],
                "--article-share is for --articles beside --conversations; give both",
            )
            for one in ("articles", "conversations")
        ),
        *(
            (
                PackSettings,
                [
                    *("--out=x", "--tokenizer=t", "--articles=a", "--conversations=c"),
                    f"--article-share={share}",
                ],
                f"--article-share '{share}' is wrong",
            )
            for share in ("0", "1", "-0.1", "1e400", "half", "50%", "nan", "0,5", "1/2", "0x1")
        ),
        (
            PackSettings,
            ["--out=x", "--tokenizer=t", "--conversations=c", "--token-budget=1M"],
            "--token-budget is for --articles alone; leave it out",
        ),
        (
            PackSettings,
            ["--out", "x", "--tokenizer", "t", "--articles", "a", "--token-budget", "lots"],
            "--token-budget 'lots' is wrong: expected a count such as 4096, 100M",
        ),
        (
            TrainSettings,
            ["--model", "m", "--rows", "r", "--out", "x", "--objective", "dpo"],
            "--objective 'dpo' is wrong: expected cpt or sft",
        ),
        (
            TrainSettings,
            [
                *("--model=m", "--rows=r", "--out=x", "--objective=cpt"),
                *("--batch-rows=6", "--micro-batch-rows=2", "--processes=2"),
            ],
            "--batch-rows 6 is no multiple of 4 (--micro-batch-rows 2 × 2 processes)",
        ),
    ],
)
def test_errors_name_flag_value_and_fix(
    settings: type[JobSettings], flags: list[str], said: str
) -> None:
    with pytest.raises(BadInputError) as caught:
        settings.from_flags(flags)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_value_is_not_given() -> None:
    flags = ["--out", "/x", "--period", "2026-10", "--publishers", "", "--processes="]
    settings = CrawlSettings.from_flags(flags)
    assert settings.publishers == ("all",)
    assert settings.processes == 0


def test_the_environment_is_not_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERIOD", "2020-01")
    with pytest.raises(BadInputError, match="--period is required"):
        CrawlSettings.from_flags(["--out", "x"])


@pytest.mark.parametrize(
    ("text", "count"), [("100M", 10**8), ("1.5B", 15 * 10**8), ("2GiB", 2**31), ("7", 7)]
)
def test_counts(text: str, count: int) -> None:
    assert parse_count(text) == count


def test_operational_settings_do_not_change_what_is_made() -> None:
    flags = ["--model", "m", "--rows", "r", "--out", "x", "--objective", "cpt"]
    one = TrainSettings.from_flags([*flags, "--processes", "1", "--micro-batch-rows", "2"])
    two = TrainSettings.from_flags([*flags, "--processes", "8"])
    assert one.identity() == two.identity()
    assert "model" not in one.identity()
    # They are recorded for whoever makes it again; where it was made is not.
    assert one.operation() == {
        "micro_batch_rows": 2, "zero_stage": 2, "activation_checkpointing": False, "processes": 1,
        "checkpoint_steps": 100, "checkpoints_kept": 1, "heldout_steps": 0,
    }  # fmt: skip
    crawl = CrawlSettings.from_flags(["--out=/x", "--period=2026-10", "--processes=3"])
    assert crawl.operation() == {
        "ccnews_server": "https://data.commoncrawl.org/", "retry_seconds": 10.0,
        "min_bytes_per_second": 50_000, "processes": 3,
    }  # fmt: skip
    # What the plan expected stands on the report's pages.
    assert ReportSettings.from_flags(["--out=/x", "--run=/r"]).operation() == {"expected": ""}


def test_done_once_then_at_once_and_refused_with_other_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = tmp_path / "outputs"
    monkeypatch.setenv("PERENNIAL_OUTPUTS", str(outputs))
    commit_articles(str(tmp_path / "articles"), ["the baker makes bread every day"] * 9)
    commit_llama(str(tmp_path / "model"), tmp_path / "scratch")
    flags = [
        f"--articles={tmp_path}/articles",
        f"--tokenizer={tmp_path}/model",
        f"--out={tmp_path}/rows",
        "--sequence-length=16",
    ]
    first = run_job("pack", *flags)
    assert first.returncode == 0, first.stderr
    assert "committed" in first.stderr
    assert [path.name for path in outputs.iterdir()] == ["digest"]
    manifest = (tmp_path / "rows/manifest.json").read_text()
    again = run_job("pack", *flags)
    assert again.returncode == 0
    assert "already-done" in again.stderr
    assert sorted(path.name for path in outputs.iterdir()) == ["already-done", "digest"]
    other = run_job("pack", *flags[:-1], "--sequence-length=32")
    assert other.returncode == 64
    assert "setting sequence_length was 16, now 32" in other.stderr
    assert len(other.stderr.splitlines()) == 1
    assert (tmp_path / "rows/manifest.json").read_text() == manifest
    assert json.loads(manifest)["inputs"]["articles"]["uri"] == "../articles"


@pytest.mark.parametrize("text", ["a\nb", "\x1b[2J", "\0", "\udcff", "\u202ex", "a\u200bb"])
def test_no_flag_holds_what_is_not_seen(text: str) -> None:
    for flags in ([f"--task={text}"], ["--task", text], [f"--{text}"]):
        with pytest.raises(BadInputError, match="has the character") as caught:
            EvaluateSettings.from_flags(["--model=/m", "--out=/o", *flags])
        assert str(caught.value).isprintable()


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999"])
def test_numbers_are_finite(text: str) -> None:
    flags = ["--model=/m", "--rows=/r", "--out=/x", "--objective=cpt"]
    with pytest.raises(BadInputError, match=f"--learning-rate '{text}' is wrong"):
        TrainSettings.from_flags([*flags, f"--learning-rate={text}"])


def test_an_address_holds_no_password() -> None:
    flags = ["--out=/x", "--period=2026-10", "--ccnews-server=https://me:hunter2@news/"]
    with pytest.raises(BadInputError, match="holds a user name or password") as caught:
        CrawlSettings.from_flags(flags)
    assert "hunter2" not in str(caught.value)
