# ruff: noqa: E501
"""The command line of every job, as a stranger meets it: its help, and what it refuses."""

import re
import shlex
import subprocess
import sys

import pytest

from jobs.command.flags import parse_flags
from jobs.errors import BadInputError
from jobs.unknown import job_names
from pipelines.fleet.sections import JOBS
from tests.support.paths import ROOT

PYTHON = re.compile(r"\b(int|str|float|bool|tuple|None|Literal|Optional|Annotated)\b|[\[{]")

CRAWL = """\
usage: python -m jobs.crawl --period 2026-10 --out URI [--flag value …]

Crawls the news of one period with Fundus from the CC-NEWS archives.

required:
  --period 2026-10          The month to crawl, as 2026-10: articles published
                            in it, in UTC, are kept.
  --out URI                 URI of the artifact to write.

optional:
  --ccnews-server https://HOST/
                            Address of the CC-NEWS server or of a mirror with
                            its layout. (default: https://data.commoncrawl.org/)
  --publishers us,uk        Fundus publishers: countries (us,uk), names
                            (us.TheIntercept), or all. (default: all)
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )


def test_jobs_are_all_of_them() -> None:
    assert job_names() == sorted(JOBS)


@pytest.mark.parametrize("job", sorted(JOBS))
def test_the_help_speaks_a_users_words(job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    settings = JOBS[job]
    text = settings.help()
    head, _, tail = text.partition("\nexample:\n")
    told = [line for line in head.splitlines() if line.startswith("  --")]
    assert [line.split()[0] for line in told] != []
    assert {line.split()[0].removeprefix("--") for line in told} == set(settings.flags())
    for line in told:  # the flag and what stands for its value
        assert not PYTHON.search(" ".join(line.split()[:2])), line
    usage = " ".join(head.split("\n\n")[0].split())
    for name, field in settings.flags().items():
        assert (f"--{name} " in usage) == field.is_required()
    assert all(len(line) <= 80 for line in head.splitlines())
    assert "exit codes: 0 done; 64 bad input" in tail


@pytest.mark.parametrize("job", sorted(JOBS))
def test_the_example_of_the_help_is_taken(job: str) -> None:
    settings = JOBS[job].from_flags(shlex.split(JOBS[job].example))
    assert settings.model_fields_set


def test_a_help_word_for_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert JOBS["crawl"].help().startswith(CRAWL)
    merge = JOBS["merge"].help()
    assert "  --vocabulary refuse|extend\n" in merge
    assert "  --shard-bytes 5G          Largest size" in merge
    assert "--check-training-opt-out true|false" in JOBS["crawl"].help()
    assert "  --token-budget 100M       Most new tokens" in JOBS["pack"].help()
    evaluate = " ".join(JOBS["evaluate"].help().split())
    assert "Items a forward pass. (at least 1; at most 65536; default: 8)" in evaluate


def test_the_help_of_evaluate_names_the_tasks() -> None:
    done = run("jobs.evaluate", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    said = " ".join(done.stdout.split())
    assert "demo: ifeval, arc_easy, piqa; paper: ifeval, mmlu, mmlu_pro, gsm8k" in said
    assert "--source" not in run("jobs.ingest", "--help").stdout


def test_the_help_of_crawl_names_the_publishers() -> None:
    said = " ".join(JOBS["crawl"].help().split())
    assert "publishers of Fundus: at.DerStandard, " in said
    assert " us.TheIntercept, " in said


def test_python_m_jobs_lists_them_and_an_unknown_one_is_refused_with_the_nearest() -> None:
    done = run("jobs")
    assert (done.returncode, done.stderr) == (0, "")
    listed = re.findall(r"^  ([a-z]+) ", done.stdout, re.MULTILINE)
    assert listed == job_names()
    for arguments, said in (
        (("jobs.crwal", "--help"), "there is no job 'crwal'; did you mean crawl?\n"),
        (("jobs", "evalute"), "there is no job 'evalute'; did you mean evaluate?\n"),
        (("jobs.x.y",), f"there is no job 'x.y'; known: {', '.join(job_names())}\n"),
    ):
        done = run(*arguments)
        assert (done.returncode, done.stdout, done.stderr) == (64, "", said)


FLAGS = {"period": False, "publishers": True, "out": False}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--perid", "x"], "unknown flag --perid; did you mean --period?"),
        (["--perid=x"], "unknown flag --perid; did you mean --period?"),
        (["--pub", "us"], "unknown flag --pub; did you mean --publishers?"),
        (["-o", "x"], "unknown flag -o; known: --period, --publishers, --out"),
        (["period", "2026-10"], "'period' belongs to no flag; did you mean --period?"),
        (["2026-10"], "'2026-10' belongs to no flag; each setting is given as --flag value"),
        (["--period"], "--period lacks its value; write --period VALUE"),
        (["--period", "--out", "x"], "--period lacks its value; write --period VALUE"),
        (["--out", "a", "--out", "b"], "--out is given twice: 'a', 'b'"),
        (["--out=a\x1b[2J"], r"'--out=a\x1b[2J' has the character '\x1b'; leave it out"),
        (["--", "x"], "unknown flag --; known: --period, --publishers, --out"),
        (["---out", "x"], "unknown flag ---out; did you mean --out?"),
        ([""], "'' belongs to no flag; each setting is given as --flag value"),
    ],
)  # fmt: skip
def test_what_is_no_flag_is_refused(arguments: list[str], said: str) -> None:
    with pytest.raises(BadInputError) as caught:
        parse_flags(arguments, FLAGS)
    assert str(caught.value) == said


def test_what_is_taken() -> None:
    given = ["--period", "2026-10", "--publishers=us", "--publishers", "uk,de", "--out=", "-x=--y"]
    assert parse_flags(given[:-1], FLAGS) == {
        "period": ["2026-10"], "publishers": ["us", "uk,de"], "out": [""],
    }  # fmt: skip
    assert parse_flags(["--out", "-5"], FLAGS) == {"out": ["-5"]}
    settings = JOBS["crawl"].from_flags(["--period", "2026-10", "--out", "/o", *given[2:5]])
    assert getattr(settings, "publishers") == ("us", "uk", "de")  # noqa: B009
    empty = JOBS["crawl"].from_flags(["--period", "2026-10", "--out", "/o", "--publishers", ","])
    assert getattr(empty, "publishers") == ("all",)  # noqa: B009


@pytest.mark.parametrize(
    ("job", "flags", "said"),
    [
        ("pack", "--tokenizer=t --articles=a --out=o --sequence-length=4", "--sequence-length '4' is wrong: expected at least 8"),
        ("pack", "--tokenizer=t --articles=a --out=o --sequence-length=4k", "--sequence-length '4k' is wrong: expected a whole number"),
        ("pack", "--tokenizer=t --articles=a --out=o --heldout-fraction=1", "--heldout-fraction '1' is wrong: expected less than 1"),
        ("pack", "--tokenizer=t --articles=a --out=o --token-budget=lots", "--token-budget 'lots' is wrong: expected a count such as 4096, 100M, 1B or 2GiB"),
        ("pack", "--tokenizer=t --articles=a --out=o --token-budget=0", "--token-budget '0' is wrong: expected at least 1"),
        ("pack", "--tokenizer=t --out=o", "give --articles, --conversations, or both with --article-share"),
        ("pack", "", "--out and --tokenizer are required; see python -m jobs.pack --help"),
        ("train", "--model=m", "--out, --rows and --objective are required; see python -m jobs.train --help"),
        ("train", "--model=m --rows=r --out=o --objective=dpo", "--objective 'dpo' is wrong: expected cpt or sft"),
        ("train", "--model=m --rows=r --out=o --objective=cpt --learning-rate=fast", "--learning-rate 'fast' is wrong: expected a number"),
        ("train", "--model=m --rows=r --out=o --objective=cpt --learning-rate=nan", "--learning-rate 'nan' is wrong: expected a finite number"),
        ("train", "--model=m --rows=r --out=o --objective=cpt --learning-rate=0", "--learning-rate '0' is wrong: expected more than 0"),
        ("train", "--model=m --rows=r --out=o --objective=cpt --epochs=1.5", "--epochs '1.5' is wrong: expected a whole number"),
        ("train", "--model=m --rows=r --out=o --objective=cpt --zero-stage=4", "--zero-stage '4' is wrong: expected at most 3"),
        ("crawl", "--period=10/2026 --out=o", "--period '10/2026' is wrong: expected a month such as 2026-10"),
        ("crawl", "--period=2026-10 --out=o --check-training-opt-out=maybe", "--check-training-opt-out 'maybe' is wrong: expected true or false"),
        ("crawl", "--period=2026-10 --out=o --ccnews-server=news", "--ccnews-server 'news' is wrong: expected http://host/ or https://host/"),
        ("merge", "--base=b --instruct=i --onto=o --out=o --vocabulary=extnd", "--vocabulary 'extnd' is wrong: expected refuse or extend"),
        ("evaluate", "--model=m --task=gsm8k --out=o", "--task gsm8k needs --bundle"),
        ("promote", "--candidate=c --report=r --releases=s --name=a/b", "--name 'a/b' is wrong: expected a name of letters, digits, dots, dashes and _"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_in_plain_words(job: str, flags: str, said: str) -> None:
    with pytest.raises(BadInputError) as caught:
        JOBS[job].from_flags(flags.split())
    assert str(caught.value) == said
