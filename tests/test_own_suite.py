"""A whole refresh with a suite of the user's own: sealed, scored, reported and released."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from demo.__main__ import SAMPLE
from demo.server import serve
from jobs.artifacts.reading import Artifact
from jobs.suites import load_suite
from tests.support.paths import ROOT
from tests.support.pico import write_llama

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SUITE = """
tasks:
  - name: capitals
    folder: ./geography
    num_fewshot: 1
    columns:
      - {metric: acc, benchmark: Capitals, group: reasoning}
      - {metric: acc_norm, benchmark: Capitals, label: by length}
"""
FLEET = """
name: pico
suite: ./mine.yaml
crawl: {publishers: [us.VoiceOfAmerica], check_training_opt_out: false}
pack: {sequence_length: 64, token_budget: 40K, heldout_fraction: 0.05}
train: {batch_rows: 64, micro_batch_rows: 32, learning_rate: 0.01}
report: {max_loss_of_ability: 100}
families:
  - name: pico
    base: {from: ./base}
    instruct: {from: ./instruct}
"""
MODELS = ("base", "instruct", "refreshed-base", "pico-instruct")


def perennial(*arguments: str | Path) -> str:
    command = [str(Path(sys.executable).with_name("perennial")), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write_fleet(folder: Path) -> Path:
    """A fleet of pico models with a suite beside it, whose task gives a second metric, too."""
    for seed, name in enumerate(("base", "instruct")):
        write_llama(folder / name, seed)
    shutil.copytree(ROOT / "fleets/suites/geography", folder / "geography")
    task = folder / "geography/capitals.yaml"
    metric = "  - {metric: acc, aggregation: mean, higher_is_better: true}\n"
    task.write_text(task.read_text().replace(metric, metric + metric.replace("acc", "acc_norm")))
    (folder / "mine.yaml").write_text(SUITE)
    (folder / "fleet.yaml").write_text(FLEET)
    return folder / "fleet.yaml"


def test_a_refresh_by_a_suite_of_ones_own(tmp_path: Path) -> None:
    fleet = write_fleet(tmp_path)
    name = perennial("suite", tmp_path / "mine.yaml").strip()
    assert name == load_suite(str(tmp_path / "mine.yaml")).name
    store = tmp_path / "store"
    with serve(SAMPLE) as server:
        perennial(
            "run", fleet, "--period=2026-10", f"--store={store}", f"--work={tmp_path / 'work'}",
            "-p", f"crawl-ccnews-server={server}",
        )  # fmt: skip
    bundle = Artifact.open(f"{store}/eval-data/{name}", "bundle")
    assert bundle.paths == [
        "data/own/capitals/test.parquet", "data/own/capitals/train.parquet", "suite.json",
    ]  # fmt: skip
    run = f"{store}/runs/pico-2026-10/pico"
    items = (tmp_path / "geography/capitals.jsonl").read_text().splitlines()
    for model in MODELS:
        scores = Artifact.open(f"{run}/scores/{model}/capitals", "scores")
        assert scores.statistics["items"] == len(items)
    report = Artifact.open(f"{run}/report", "report")
    content = report.read_json("report.json")
    assert (content["suite"], content["decision"]) == (name, "GO"), content["reasons"]
    columns = [(one["benchmark"], one["label"], one["group"]) for one in content["columns"]]
    assert columns == [("Capitals", "acc", "reasoning"), ("Capitals", "by length", "other")]
    page = report.read("report.md").decode()
    assert page.count("| Capitals | acc |") == page.count("| Capitals | by length |") == 1
    assert "over the 2 numbers of this suite, which is not the paper's" in page
    assert (store / "releases/pico-instruct/000001.json").is_file()
