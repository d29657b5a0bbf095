"""A whole refresh as processes: undisturbed, killed in every step, and on S3."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.__main__ import SAMPLE
from demo.server import serve
from jobs.artifacts.manifest import MANIFEST, Manifest
from jobs.artifacts.reading import Artifact
from jobs.store.prefix import Prefix
from tests.support.paths import ROOT
from tests.support.pico import CHAT_TEMPLATE, write_llama

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FLEET = """
name: pico
suite: demo
eval_data: {data}
crawl: {{publishers: [us.VoiceOfAmerica], check_training_opt_out: false}}
pack: {{sequence_length: 64, heldout_fraction: 0.05}}
train:
  {{batch_rows: 64, micro_batch_rows: 32, learning_rate: 0.01, processes: 2, checkpoint_steps: 2}}
report: {{max_loss_of_ability: 100}}
families:
  - name: pico
    base: {{from: ./base}}
    instruct: {{from: ./instruct}}
"""
# Step → where its artifact lies; one step of each job, in the order of the refresh.
STEPS = {
    "crawl": "articles/2026-10",
    "curate": "articles-clean/2026-10",
    "bundle": "eval-data/demo",
    "family/pico/base": "models/pico/base",
    "family/pico/check-residuals/pico-instruct": "runs/pico-2026-10/pico/checks/pico-instruct",
    "family/pico/pack": "runs/pico-2026-10/packed",
    "family/pico/train": "runs/pico-2026-10/pico/cpt",
    "family/pico/residuals/pico-instruct/merge": "runs/pico-2026-10/pico/candidates/pico-instruct",
    "family/pico/residuals/pico-instruct/scores/evaluate/arc_easy": (
        "runs/pico-2026-10/pico/scores/pico-instruct/arc_easy"
    ),
    "family/pico/report": "runs/pico-2026-10/pico/report",
    "family/pico/promote/pico-instruct": "releases/pico-instruct",
}
REPRODUCED = ("crawl", "curate", "pack", "train", "merge")


@dataclass(frozen=True)
class Refresh:
    """The command of a refresh, for any store."""

    fleet: Path
    ccnews_server: str

    def command(self, store: str, work: Path) -> list[str]:
        perennial = str(Path(sys.executable).with_name("perennial"))
        return [
            *(perennial, "run", str(self.fleet), "--period=2026-10", f"--store={store}"),
            *(f"--work={work}", "-p", f"crawl-ccnews-server={self.ccnews_server}"),
            *("-p", 'tasks=["arc_easy"]'),
        ]

    def run(self, store: str, work: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(store, work), capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def refresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refresh]:
    folder = tmp_path_factory.mktemp("fleet")
    write_llama(folder / "base")
    write_llama(folder / "instruct", chat_template=CHAT_TEMPLATE)
    fleet = folder / "fleet.yaml"
    fleet.write_text(FLEET.format(data=SAMPLE.parent / "eval-data"))
    with serve(SAMPLE) as ccnews_server:
        yield Refresh(fleet, ccnews_server)


@pytest.fixture(scope="module")
def undisturbed(refresh: Refresh, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("undisturbed")
    result = refresh.run(str(root / "store"), root / "work")
    assert result.returncode == 0, result.stdout + result.stderr
    return root / "store"


def manifests(store: str) -> dict[str, Manifest]:
    """Path below the store → manifest, of every artifact that is not a checkpoint."""
    prefix = Prefix(store)
    paths = [path for path, _ in prefix.list() if path.endswith(f"/{MANIFEST}")]
    return {
        path.removesuffix(f"/{MANIFEST}"): Manifest.model_validate_json(prefix.read(path))
        for path in paths
        if "/checkpoints/" not in path
    }


def digests(store: str) -> Mapping[str, str]:
    return {
        path: manifest.digest
        for path, manifest in manifests(store).items()
        if manifest.producer.job in REPRODUCED
    }


def test_it_ends_with_a_report(undisturbed: Path) -> None:
    report = Artifact.open(str(undisturbed / "runs/pico-2026-10/pico/report"), "report")
    said = report.read_json("report.json")
    # One task of three was run, so nothing may be concluded, and nothing is released.
    assert said["decision"] == "INCONCLUSIVE", said
    assert "ifeval" in json.dumps(said["reasons"])
    assert not (undisturbed / "releases").exists()


def test_again_everything_is_there(refresh: Refresh, undisturbed: Path, tmp_path: Path) -> None:
    before = manifests(str(undisturbed))
    again = refresh.run(str(undisturbed), tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    assert manifests(str(undisturbed)) == before
    begun, cached = (
        set(re.findall(rf"Z {word} +(\S+)", again.stdout)) for word in ("begun", "cached")
    )
    assert len(begun) == 19
    assert begun - cached == {"family/pico/promote/pico-instruct"}, "the others have artifacts"


def test_killed_in_every_step_it_ends_the_same(
    refresh: Refresh, undisturbed: Path, tmp_path: Path
) -> None:
    store = str(tmp_path / "store")
    chance = random.Random()
    seed = chance.randrange(2**32)
    chance.seed(seed)
    for number, (step, artifact) in enumerate(STEPS.items()):
        seconds = _seconds(undisturbed / artifact)
        before = manifests(store)
        work = tmp_path / f"work{number}"
        process = subprocess.Popen(
            refresh.command(store, work), start_new_session=True, stdout=subprocess.DEVNULL
        )
        _wait_for_step(work, step, process)
        time.sleep(chance.uniform(0, seconds + 0.3))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        after = manifests(store)
        kept = {path: manifest for path, manifest in after.items() if path in before}
        assert kept == before, f"seed {seed}: killed in {step}, an artifact was made again"
    result = refresh.run(store, tmp_path / "last")
    assert result.returncode == 0, f"seed {seed}:\n{result.stdout}{result.stderr}"
    assert digests(store) == digests(str(undisturbed)), f"seed {seed}"


def _seconds(artifact: Path) -> float:
    """How long a step took, undisturbed; a second where that is not known."""
    found = list(artifact.rglob(MANIFEST))
    if not found:
        return 1.0
    return float(Manifest.model_validate_json(found[0].read_bytes()).statistics["seconds"])


def _wait_for_step(work: Path, step: str, process: "subprocess.Popen[bytes]") -> None:
    """Until the step has begun; all before it are committed then."""
    deadline = time.monotonic() + 300
    while not list(work.rglob(f"{step}/1.log")):
        assert process.poll() is None, f"the run ended before {step}"
        assert time.monotonic() < deadline, f"{step} never began"
        time.sleep(0.02)


def test_a_copy_is_whole_and_made_again_identical(undisturbed: Path, tmp_path: Path) -> None:
    """The cheap steps; the others are as deterministic (the tests around this one)."""
    store = shutil.copytree(undisturbed, tmp_path / "copy")
    perennial = str(Path(sys.executable).with_name("perennial"))
    verified = subprocess.run(
        [perennial, "verify", store, "--deep"], capture_output=True, text=True, check=False
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert verified.stdout.splitlines()[-1].endswith("every digest compared: nothing wrong")
    steps = ("ingest", "bundle", "curate", "pack", "merge", "report")
    again = subprocess.run(
        [perennial, "reproduce", "pico-2026-10", *steps, "--store", store, "--scratch", tmp_path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert again.returncode == 0, again.stdout + again.stderr
    assert again.stdout.splitlines()[-1] == "7 of 7 identical"


def test_the_store_holds_what_its_page_tells(undisturbed: Path) -> None:
    """The same on S3, and `reproduce` of it, is a page of its own: docs/first-refresh.md."""
    page = (ROOT / "docs/store.md").read_text()
    told = re.findall(r"^\| `(\S+)` \|", page, re.MULTILINE)
    patterns = [re.sub("<[a-z]+>", "[^/]+", path) for path in told]
    places = list(manifests(str(undisturbed)))
    unknown = [path for path in places if not any(re.fullmatch(p, path) for p in patterns)]
    assert unknown == []
    unused = [p for p in patterns if not any(re.fullmatch(p, path) for path in places)]
    # Nothing was released here, and the fleet has no control.
    assert unused == ["runs/[^/]+/[^/]+/controls/[^/]+", "releases/[^/]+/000001.json"]
