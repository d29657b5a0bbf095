"""Makes the demo's pico family with the project's own jobs: base from nothing, instruct by sft.

Done once and kept: every job ends at once where its artifact is there.

Instruct is tuned on as many tokens of plain news as of conversations: else so small a model would
forget to write anything but answers, which real instruct models do not.
"""

import json
import shutil
from pathlib import Path

from demo.children import Children
from demo.steps import Flags, Steps
from jobs.artifacts.exporting import export
from jobs.artifacts.manifest import Work, find_manifest
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.crawl.settings import CrawlSettings
from jobs.curate.settings import CurateSettings
from jobs.ingest.settings import IngestSettings
from jobs.kinds.conversations import CONVERSATIONS
from jobs.pack.settings import PackSettings
from jobs.store.prefix import Prefix
from jobs.train.settings import TrainSettings

OLD_PERIOD = "2026-08"

DATA = Path(__file__).parent / "data"
PUBLISHER = "us.VoiceOfAmerica"
NUM_STEPS = 9
TRAIN: Flags = {
    "batch-rows": "4",
    "micro-batch-rows": "2",
    "warmup-ratio": "0.05",
    "processes": "2",
    "checkpoint-steps": "200",
}
BASE: Flags = {"objective": "cpt", "epochs": "6", "learning-rate": "3e-3"}
# As high a rate as the base's, and twice the epochs that its own scores need, lead to weights
# around which much may be moved without harm: with 2 epochs the candidate loses some points.
INSTRUCT: Flags = {"objective": "sft", "epochs": "4", "learning-rate": "3e-3"}
PACK: Flags = {"sequence-length": "256"}
SHARE: Flags = {"article-share": "0.5"}
CRAWL: Flags = {"period": OLD_PERIOD, "publishers": PUBLISHER, "check-training-opt-out": "false"}
VERSIONS = [
    job.version
    for job in (CrawlSettings, CurateSettings, IngestSettings, PackSettings, TrainSettings)
]
RECIPE = json.dumps([BASE, INSTRUCT, TRAIN, PACK, SHARE, CRAWL, VERSIONS], default=str)
RECIPE_FILE = "recipe.json"
"""By what it is made; written first."""
MADE_FILE = "made"
"""Written last."""


def make_family(folder: Path, ccnews_server: str, children: Children) -> None:
    """Base and instruct as ``<folder>/models/base`` and ``…/instruct``, as they come from the hub.

    What led to them lies beside, each an artifact, and ``log.txt``. What another version of the
    project has made there is deleted. Raises StepFailedError where a job fails, StoppedError where
    we are told to stop.
    """
    if not _is_begun(folder):
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECIPE_FILE).write_text(RECIPE)
    steps = Steps(folder, NUM_STEPS, children)
    steps.job("crawl", CRAWL | {"ccnews-server": ccnews_server}, out="articles")
    steps.job("curate", {"articles": folder / "articles"}, out="articles-clean")
    _make_seeds(folder, steps)
    news: Flags = {"articles": folder / "articles-clean"}
    words: Flags = {"tokenizer": folder / "seed-base"}
    steps.job("pack", news | words | PACK, out="rows-news")
    start: Flags = {"model": folder / "seed-base", "rows": folder / "rows-news"}
    steps.job("train", start | BASE | TRAIN, out="base")
    _commit_conversations(folder / "conversations")
    talk: Flags = SHARE | {"conversations": folder / "conversations"}
    chat: Flags = {"tokenizer": folder / "seed-instruct"}
    steps.job("pack", talk | news | chat | PACK, out="rows-mixed")
    start = {"model": folder / "base", "rows": folder / "rows-mixed"}
    steps.job("train", start | chat | INSTRUCT | TRAIN, out="instruct")
    for name in ("base", "instruct"):
        if not (folder / "models" / name).exists():
            export(Artifact.open(str(folder / name)), folder / "models" / name, say=lambda _: None)
    (folder / MADE_FILE).touch()


def is_made(folder: Path) -> bool:
    """Whether both models are there, and made as they would be now."""
    return _is_begun(folder) and (folder / MADE_FILE).exists()


def _is_begun(folder: Path) -> bool:
    recipe = folder / RECIPE_FILE
    return recipe.is_file() and recipe.read_text() == RECIPE


def _make_seeds(folder: Path, steps: Steps) -> None:
    """The untrained models, as a program of its own: torch takes seconds to import."""
    sources = [str(folder / "articles-clean"), str(DATA / CONVERSATIONS)]
    if not (folder / "seeds").exists():
        steps.run("seed", ["-m", "demo.seed", *sources, str(folder / "seeds")], out="seeds")
    for name in ("base", "instruct"):
        steps.job("ingest", {"from": folder / "seeds" / name}, out=f"seed-{name}")


def _commit_conversations(out: Path) -> None:
    prefix = Prefix(out)
    if find_manifest(prefix) is None:
        work = Work(kind="conversations", producer="demo 1", settings={}, inputs={})
        writer = ArtifactWriter(prefix, work, {})
        writer.upload_file(DATA / CONVERSATIONS, CONVERSATIONS)
        writer.commit({})
