"""The merge job while the store fails, while it is killed, and beside another of its kind."""

import hashlib
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from jobs.artifacts.manifest import ATTEMPT
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import LostRaceError
from jobs.command.running import begin, finish
from jobs.merge.settings import MergeSettings
from jobs.merge.work import merge
from jobs.store.prefix import Prefix
from tests.jobs.merge.models import begin_job, put, tensors
from tests.support.faulty_proxy import Choose, Fault, FaultyProxy, at_random, first
from tests.support.paths import attempt_in
from tests.support.pico import run_job

ROLES = ("base", "instruct", "onto")
SMALL_SHARDS = ("--shard-bytes=400K", "--max-bytes=4MiB")  # each goes up in one request
LARGE_SHARD = ("--shard-bytes=20M", "--max-bytes=8MiB")  # in parts


def put_three(store: str, megabytes: float, matrices: int) -> None:
    """Three models with so many matrices of the same size beside the small tensors."""
    columns = 250
    rows = round(megabytes * 1e6 / matrices / columns / 4)
    for seed, role in enumerate(ROLES):
        rng = np.random.default_rng(seed)
        large = {
            f"model.layers.{layer}.mlp.down_proj.weight": rng.standard_normal(
                (rows, columns), dtype=np.float32
            )
            for layer in range(1, matrices + 1)
        }
        put(f"{store}/{role}", {**tensors(seed), **large}, shards=1 + seed)


def flags(store: str, out: str, *more: str) -> list[str]:
    return [*(f"--{role}={store}/{role}" for role in ROLES), f"--out={store}/{out}", *more]


def complete(store: str, out: str, *more: str) -> str:
    """Runs the merge, which must end well; the artifact's digest."""
    result = run_job("merge", *flags(store, out, *more))
    assert result.returncode == 0, result.stderr
    return Artifact.open(f"{store}/{out}").digest


def bytes_of(prefix: Prefix) -> dict[str, set[str]]:
    """Path, in whichever attempt's folder → sha256 of all that lies there."""
    found: dict[str, set[str]] = {}
    for path, _ in prefix.list():
        name = path.partition("/")[2] if ATTEMPT.match(path) else path
        found.setdefault(name, set()).add(hashlib.sha256(prefix.read(path)).hexdigest())
    return found


def check_what_lies_there(store: str, out: str, undisturbed: dict[str, set[str]]) -> None:
    """No half file, and no manifest unless all is there."""
    found = bytes_of(Prefix(f"{store}/{out}"))
    if "manifest.json" in found:
        artifact = Artifact.open(f"{store}/{out}")
        assert {*artifact.paths, "manifest.json"} == undisturbed.keys()
    for path, sha256 in found.items():
        assert not path.endswith(".safetensors") or sha256 == undisturbed[path]


def through(
    endpoint: str, choose: Choose, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> subprocess.CompletedProcess[str]:
    """The merge as one that sees the store through a proxy."""
    with FaultyProxy(endpoint, choose) as proxy, monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", proxy.url)
        result = run_job("merge", *arguments)
    assert "Traceback" not in result.stderr, result.stderr
    return result


@pytest.mark.slow
@pytest.mark.parametrize(
    ("megabytes", "more"), [(1, SMALL_SHARDS), (9, LARGE_SHARD)], ids=["shards", "parts"]
)
def test_a_failing_store_gives_the_right_result_or_75(
    s3_endpoint: str,
    s3_store: str,
    monkeypatch: pytest.MonkeyPatch,
    megabytes: float,
    more: tuple[str, ...],
) -> None:
    put_three(s3_store, megabytes, 4)
    right = complete(s3_store, "undisturbed", *more)
    undisturbed = bytes_of(Prefix(f"{s3_store}/undisturbed"))
    choices = [at_random(0.1, seed=1), at_random(0.5, seed=2)]
    if more == LARGE_SHARD:  # an upload whose first answer is cut cannot be taken up again
        choices.append(first("POST", "uploads", Fault.TRUNCATED))
    else:
        choices.append(at_random(0.5, seed=3))
    ended = []
    for number, choose in enumerate(choices):
        out = f"out-{number}"
        result = through(s3_endpoint, choose, monkeypatch, flags(s3_store, out, *more))
        ended.append(result.returncode)
        if result.returncode == 75:
            assert "store failed at" in result.stderr
            assert not Prefix(f"{s3_store}/{out}").exists("manifest.json")
            check_what_lies_there(s3_store, out, undisturbed)
            assert complete(s3_store, out, *more) == right
        assert Artifact.open(f"{s3_store}/{out}").digest == right
    assert set(ended) <= {0, 75}
    assert ended[2] == 75 or more == SMALL_SHARDS


def start(store: str, out: str, *more: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "jobs.merge", *flags(store, out, *more)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


def wait_for(folder: Path, job: "subprocess.Popen[bytes]") -> float:
    """The moment at which the job begins to write there."""
    while not folder.exists() and job.poll() is None:
        time.sleep(0.001)
    return time.monotonic()


@pytest.mark.slow
def test_killed_at_any_moment_it_completes(tmp_path: Path) -> None:
    store, more = str(tmp_path), ("--shard-bytes=2M", "--max-bytes=1MiB")
    put_three(store, 12, 12)
    job = start(store, "undisturbed", *more)
    began = wait_for(tmp_path / "undisturbed", job)
    assert job.wait() == 0
    seconds = time.monotonic() - began
    right = Artifact.open(f"{store}/undisturbed").digest
    undisturbed = bytes_of(Prefix(f"{store}/undisturbed"))
    moments, killed = random.Random(0), 0
    for number in range(5):
        out = f"out-{number}"
        for _ in range(2):
            job = start(store, out, *more)
            wait_for(tmp_path / out, job)
            time.sleep(moments.uniform(0, 0.8 * seconds))
            job.kill()
            killed += job.wait() != 0
            check_what_lies_there(store, out, undisturbed)
        assert complete(store, out, *more) == right
        assert bytes_of(Prefix(f"{store}/{out}")).keys() == undisturbed.keys()
        left = list(attempt_in(tmp_path / out).glob("*.safetensors#*"))
        assert not left, "a killed writer's leavings"
    assert killed >= 3, "the moments came too late to try anything"


def test_of_two_at_once_both_end_with_the_same_artifact(store: str) -> None:
    put_three(store, 0.5, 4)
    right = complete(store, "undisturbed", *SMALL_SHARDS)
    both = [start(store, "out", *SMALL_SHARDS) for _ in range(2)]
    assert [job.wait(60) for job in both] == [0, 0]
    assert Artifact.open(f"{store}/out").digest == right


def test_other_work_on_the_same_place_is_told(tmp_path: Path) -> None:
    """It lost the race at the very end: the winner's artifact is not its own."""
    store = tmp_path
    for seed, role in enumerate(ROLES):
        put(f"{store}/{role}", tensors(seed))
    job = begin_job(store)
    put(f"{store}/later", tensors(7))
    uris = [f"--{role}={store}/{role}" for role in ("base", "instruct")]
    settings = MergeSettings.from_flags([*uris, f"--onto={store}/later", f"--out={store}/out"])
    other = begin(settings, settings.open_inputs())
    assert other is not None
    statistics = merge(job)
    finish(other, merge(other))
    with pytest.raises(LostRaceError):
        finish(job, statistics)
