"""Makes the demo's pico family with the project's own jobs: base from nothing, instruct by sft.

Done once and kept: every job ends at once where its artifact is there.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from demo import seed
from jobs.artifacts.exporting import export
from jobs.artifacts.manifest import Work, find_manifest
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.kinds.articles import read_articles
from jobs.kinds.conversations import CONVERSATIONS
from jobs.store.prefix import Prefix

OLD_PERIOD = "2026-08"
Flags = dict[str, object]

DATA = Path(__file__).parent / "data"
PUBLISHER = "us.VoiceOfAmerica"
TRAIN: Flags = {
    "batch-rows": "4",
    "micro-batch-rows": "2",
    "warmup-ratio": "0.05",
    "processes": "2",
    "checkpoint-steps": "200",
}
BASE: Flags = {"objective": "cpt", "epochs": "6", "learning-rate": "3e-3"}
INSTRUCT: Flags = {"objective": "sft", "epochs": "2", "learning-rate": "1e-3"}
PACK: Flags = {"sequence-length": "256"}


def make_family(folder: Path, ccnews_server: str) -> None:
    """Base and instruct as ``<folder>/models/base`` and ``…/instruct``, as they come from the hub.

    What led to them lies beside, each an artifact. Raises CalledProcessError where a job fails;
    its log is ``<folder>/log.txt``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    steps = _Steps(folder)
    steps.run(
        "crawl",
        {
            "period": OLD_PERIOD,
            "ccnews-server": ccnews_server,
            "publishers": PUBLISHER,
            "check-training-opt-out": "false",
        },
        out="articles",
    )
    steps.run("curate", {"articles": folder / "articles"}, out="articles-clean")
    _write_seeds(folder)
    for name in ("seed-base", "seed-instruct"):
        steps.run("ingest", {"from": folder / "seeds" / name}, out=name)
    news: Flags = {"articles": folder / "articles-clean", "tokenizer": folder / "seed-base"}
    steps.run("pack", news | PACK, out="rows-news")
    start: Flags = {"model": folder / "seed-base", "rows": folder / "rows-news"}
    steps.run("train", start | BASE | TRAIN, out="base")
    _commit_conversations(folder / "conversations")
    chat: Flags = {"tokenizer": folder / "seed-instruct"}
    talk: Flags = {"conversations": folder / "conversations"}
    plain: Flags = {"articles": folder / "articles-clean", "article-share": "0.5"}
    steps.run("pack", talk | plain | chat | PACK, out="rows-mixed")
    start = {"model": folder / "base", "rows": folder / "rows-mixed"}
    steps.run("train", start | chat | INSTRUCT | TRAIN, out="instruct")
    for name in ("base", "instruct"):
        if not (folder / "models" / name).exists():
            export(Artifact.open(str(folder / name)), folder / "models" / name, say=lambda _: None)


class _Steps:
    """Runs jobs one after the other, a line each; what they say goes to a log."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0

    def run(self, job: str, flags: Flags, out: str) -> None:
        self._number += 1
        arguments = [f"--{name}={value}" for name, value in flags.items()]
        command = [sys.executable, "-m", f"jobs.{job}", *arguments]
        started = time.monotonic()
        sys.stdout.write(f"  {self._number}  {job:<8} → {out:<20}")
        sys.stdout.flush()
        with (self._folder / "log.txt").open("ab") as log:
            subprocess.run(
                [*command, f"--out={self._folder / out}"], stdout=log, stderr=log, check=True
            )
        sys.stdout.write(f"{time.monotonic() - started:6.1f} s\n")


def _write_seeds(folder: Path) -> None:
    """The untrained models; whole or not at all."""
    if (folder / "seeds").exists():
        return
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        base, instruct = (Path(scratch) / name for name in ("seed-base", "seed-instruct"))
        seed.write_base(base, _texts(folder))
        seed.write_instruct(instruct, base)
        half = folder / "seeds-half"
        half.mkdir(exist_ok=True)
        for model in (base, instruct):
            target = half / model.name
            if not target.exists():
                model.rename(target)
        half.rename(folder / "seeds")


def _texts(folder: Path) -> Iterator[str]:
    """All that the tokenizer is trained on."""
    for batch in read_articles(Artifact.open(str(folder / "articles-clean"))):
        for article in batch.to_pylist():
            yield f"{article['title']}\n\n{article['body']}"
    yield from (DATA / CONVERSATIONS).read_text().splitlines()


def _commit_conversations(out: Path) -> None:
    prefix = Prefix(out)
    if find_manifest(prefix) is None:
        work = Work(kind="conversations", producer="demo 1", settings={}, inputs={})
        writer = ArtifactWriter(prefix, work, {})
        writer.upload_file(DATA / CONVERSATIONS, CONVERSATIONS)
        writer.commit({})
