"""What the page of problems finds broken: fleet files, folders and stores with a fault each."""

import json
import shutil
from pathlib import Path

from jobs.artifacts.manifest import MANIFEST
from jobs.artifacts.reading import Artifact
from jobs.artifacts.releases import add
from jobs.store.prefix import Prefix
from tests.jobs.merge.models import put, tensors
from tests.jobs.report.fake_run import CANDIDATE, FakeRun
from tests.support.pico import commit_articles

RUN = "news-2026-10"
TYPOS = """\
name: 2024
suite: papr
train:
  epoch: 3
families:
  - name: qwen
    base: {from: ./models/base}
    instruct: {from: ./models/base}
"""
LARGE = """\
name: large
suite: paper
families:
  - name: qwen-72b
    base: {from: Qwen/Qwen2.5-72B, parameters: 72B}
    instruct: {from: ./models/instruct}
"""
REASON = "Ability lost: average 20.00 against 31.00 of the instruct model"


def break_all(folder: Path) -> None:
    """Writes everything below the folder of a world."""
    (folder / "typos.yaml").write_text(TYPOS)
    (folder / "large.yaml").write_text(LARGE)
    _pickled_model(folder / "models/pickled")
    _models(folder / "data")
    commit_articles(f"{folder}/data/articles", ["The mayor opened the new bridge on Monday."])
    _damage(_run(folder / "store"), folder / "damaged")


def _pickled_model(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "pytorch_model.bin"):
        (folder / name).write_text("{}")


def _models(store: Path) -> None:
    """As those of Qwen 2.5, whose configs differ; and one with another layer."""
    config = {"max_position_embeddings": 131072}
    put(f"{store}/base", tensors(0), config=config)
    put(f"{store}/instruct", tensors(1), config={"max_position_embeddings": 32768})
    larger = {**tensors(2), "model.layers.1.weight": tensors(2)["model.norm.weight"]}
    put(f"{store}/other", larger, config=config)


def _run(store: Path) -> FakeRun:
    """One family's run, whose candidate the gate keeps back, and a release of it all the same."""
    run = FakeRun(store, run=RUN)
    run.make_sources()
    model = Artifact.open(f"{run.uri}/candidates/{CANDIDATE}")
    verdict = {"digest": model.digest, "decision": "NO-GO", "reasons": [REASON]}
    files = {"report.json": json.dumps({"candidates": [verdict]})}
    report = run.make(run.path("report"), ("report", "report"), {"cpt": run.path("cpt")}, files)
    facts = {"candidate": model.as_input(), "report": report.as_input()}
    add(
        Prefix(store / "releases"), "pico", decision="NO-GO", reasons=(REASON,), override="shown",
        **facts,
    )  # fmt: skip
    return run


def _damage(run: FakeRun, store: Path) -> None:
    """A copy with a file cut, one overwritten, a manifest gone, and what nobody knows."""
    shutil.copytree(run.store, store)
    below = store / "runs" / RUN / run.family
    (trained,) = (below / "cpt").glob("attempt-*/content")
    trained.write_text("cut")
    (articles,) = (store / "articles" / RUN).glob("attempt-*/content")
    articles.write_bytes(bytes(articles.stat().st_size))
    (below / "candidates" / CANDIDATE / MANIFEST).unlink()
    (store / "notes.txt").write_text("mine")
