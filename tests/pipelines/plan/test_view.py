"""A plan as it is read: sums of what is known, and the names of what is not."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from pipelines.plan.view import show_plan
from tests.pipelines.plan.test_cost import Planning

ASSUMED = (
    "assumed: 312 TFLOP/s a GPU, 40% of it in training (6 · N · tokens · epochs), 30% in scoring; "
    "all with --assumptions"
)


@pytest.fixture
def planning(tmp_path: Path) -> Planning:
    return Planning(tmp_path)


def shown(planning: Planning, *changes: tuple[str, str], **options: bool) -> list[str]:
    console = Console(file=io.StringIO(), width=80, markup=False, emoji=False)
    settings = {"each_step": False, "all_assumptions": False, **options}
    show_plan(planning.plan(*changes), console, **settings)
    output = console.file
    assert isinstance(output, io.StringIO)
    return [line.rstrip() for line in output.getvalue().splitlines()]


def test_all_is_known(planning: Planning) -> None:
    assert shown(planning) == [
        "model          parameters known from weights",
        "llama/base             8B       name   16 GB",
        "llama/instruct         8B       name   16 GB",
        "",
        "training tokens epochs   FLOPs GPU-hours",
        "llama      100M      5 2.4e+19      53.6 to do",
        "",
        "a GPU holds weights gradients optimizer buffers activations    loss  in all",
        "llama         16 GB      4 GB     12 GB  400 MB     unknown unknown 32.4 GB",
        "",
        "job      there to do     time GPU-hours  fetch  store scratch    EUR",
        "crawl        0     1   9.27 h           835 GB 400 MB           3.71",
        "bundle       0     1    5 min           300 MB 300 MB           0.03",
        "curate       0     1  6.7 min                  400 MB           0.04",
        "ingest       0     2 6.47 min            32 GB  32 GB           0.04",
        "check        0     1      2 s                                   0.00",
        "pack         0     1 10.9 min                  400 MB           0.07",
        "train        0     1    6.7 h      53.6        208 GB   16 GB 133.93",
        "evaluate     0    40   1.33 d      31.8         74 MB   16 GB  79.55",
        "merge        0     1 2.17 min                   16 GB           0.01",
        "report       0     1      2 s                                   0.00",
        "promote      0     1      2 s                                   0.00",
        "all          0    51   2.01 d      85.4 867 GB 258 GB   16 GB 217.40",
        "",
        "by the clock: 22 h 28 min, as the steps follow each other, at most 100 pods at a time",
        "store: 0 of 51 steps have their artifact there, 0 B",
        ASSUMED,
    ]  # fmt: skip


def test_trainings_of_a_family_are_told_apart(planning: Planning) -> None:
    lines = shown(planning, ("families:", "controls: [s1]\nfamilies:"))
    row = "100M      5 2.4e+19      53.6 to do"
    assert f"llama      {row}" in lines
    assert f"llama/s1   {row}" in lines


def test_one_unknown_hides_no_sum(planning: Planning) -> None:
    lines = shown(planning, ("owner/llama-8B-instruct", "owner/phi"))
    assert "llama/instruct    unknown            unknown" in lines
    ingest = next(line for line in lines if line.startswith("ingest"))
    assert ingest.split() == [
        "ingest",
        "0",
        "2",
        "3.23",
        "min+?",
        "16",
        "GB+?",
        "16",
        "GB+?",
        "0.02+?",
    ]
    assert any(line.startswith("by the clock: 22 h 26 min +?, as") for line in lines)
    assert "+? and 22 steps of which something is unknown: the size of llama/instruct" in lines


def test_without_prices_there_is_no_money(planning: Planning) -> None:
    lines = shown(planning, ("prices: {currency: EUR, gpu: 2.5, cpu: 0.05}\n", ""))
    assert "all          0    51   2.01 d      85.4 867 GB 258 GB   16 GB" in lines


def test_each_step_and_each_assumption(planning: Planning) -> None:
    lines = shown(planning, each_step=True, all_assumptions=True)
    assert any(line.startswith("family/llama/train ") for line in lines)
    assert any(line.split()[:3] == ["gpu", "flops", "3.12e+14"] for line in lines)
    assert any("peak of an A100" in line for line in lines)
