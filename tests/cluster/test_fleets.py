"""Fleets on a cluster that share a store: at once, and twice the same, as one after the other."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.__main__ import PERIOD, SAMPLE
from demo.server import serve
from jobs.artifacts.manifest import Manifest
from tests.cluster.conftest import Images, new_namespace, run
from tests.cluster.test_demo_fleet import STORE, digests
from tests.cluster.world.world import EVAL_DATA, MIRROR, PLACEMENT, SOURCES, World
from tests.support.buckets import upload
from tests.support.pico import CHAT_TEMPLATE, write_llama
from tests.test_refresh import manifests

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(2400)]

ONE_TASK = 'tasks=["arc_easy"]'
MODELS = ("first-base", "first-instruct", "derived", "second-base", "second-instruct")


def fleets(models: str, eval_data: str) -> list[dict[str, Any]]:
    """One of two families and a derived model; one of the second family alone, in shorter rows."""
    common = {
        "suite": "demo",
        "eval_data": eval_data,
        "crawl": {"publishers": ["us.VoiceOfAmerica"], "check_training_opt_out": False},
        "train": {"batch_rows": 64, "micro_batch_rows": 32, "learning_rate": 0.01, "processes": 2},
        "placement": PLACEMENT,
    }
    first, second = (
        {"name": name, **{m: {"from": f"{models}/{name}-{m}"} for m in ("base", "instruct")}}
        for name in ("first", "second")
    )
    derived = {"derived": [{"name": "derived", "from": f"{models}/derived"}]}
    pack = {"sequence_length": 64, "heldout_fraction": 0.05}
    return [
        common | {"name": "two", "pack": pack, "families": [first | derived, second]},
        common | {"name": "one", "pack": pack | {"sequence_length": 32}, "families": [second]},
    ]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Pico models, each with weights of its own."""
    folder = tmp_path / "models"
    for seed, name in enumerate(MODELS):
        template = None if name.endswith("base") else CHAT_TEMPLATE
        write_llama(folder / name, seed=seed, chat_template=template)
    return folder


def made_here(models: Path, folder: Path) -> dict[str, Manifest]:
    """What `perennial run` makes of both fleets in one store: path below it → manifest."""
    with serve(SAMPLE) as server:
        for fleet in fleets(str(models), str(SAMPLE.parent / "eval-data")):
            file = folder / f"{fleet['name']}.yaml"
            file.write_text(yaml.safe_dump(fleet))
            words = [sys.executable, "-m", "pipelines", "run", str(file), "--period", PERIOD]
            words += ["--store", str(folder / "store"), "--work", str(folder / "work")]
            run(*words, "-p", f"crawl-ccnews-server={server}", "-p", ONE_TASK)
    return manifests(str(folder / "store"))


def test_at_once(world: World, images: Images, models: Path, tmp_path: Path) -> None:
    """Of a fleet that is submitted twice the second finds all made; another one shares the store.

    Each fleet is installed in a namespace of its own.
    """
    expected = made_here(models, tmp_path)
    with world.reached():
        upload(models, f"{SOURCES}/pico")
    two, one = fleets(f"{SOURCES}/pico", EVAL_DATA)
    begun = f"period={PERIOD}", ONE_TASK
    (tmp_path / "other").mkdir()
    with new_namespace(tmp_path / "other") as space:
        other = World(space, images)
        other.make_keys()
        at = f".{world.space.name}.svc:"
        there = [f"store.env.AWS_ENDPOINT_URL=http://s3{at}8333"]
        there.append(f"parameters.crawl-ccnews-server={MIRROR.replace(':8000', f'{at}8000')}")
        world.install(STORE, fleet=two)
        other.install(STORE, *there, fleet=one)
        names = [world.space.submit(*begun), world.space.submit(*begun)]
        beside = space.submit(*begun)
        ended = [world.space.wait(name, seconds=1500) for name in names]
        ended.append(space.wait(beside, seconds=1500))
    assert [workflow["status"]["phase"] for workflow in ended] == ["Succeeded"] * 3
    made = world.artifacts(STORE)
    assert sorted(made) == sorted(expected)
    found, wanted = digests(made), digests(expected)
    # Scores hang by the number of threads, here and there, in the last bits of their numbers.
    wanted = {path: d for path, d in wanted.items() if made[path].producer.job != "evaluate"}
    assert [path for path in wanted if found[path] != wanted[path]] == []
    first_end = min(datetime.fromisoformat(one["status"]["finishedAt"]) for one in ended[:2])
    later = [path for path, manifest in made.items() if manifest.created > first_end]
    assert [path for path in later if path.startswith("runs/two-")] == []
