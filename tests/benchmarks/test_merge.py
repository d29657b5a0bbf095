"""The benchmark's parts that a figure's truth rests on: models, peers, and the measuring itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.merge import compare, plain
from benchmarks.merge.contenders import ROLES, folder_of, ours
from benchmarks.merge.measure import TIMED, Contender, rounds
from benchmarks.merge.models import SHARDS, Size, make
from jobs.artifacts.reading import Artifact
from jobs.store.prefix import Prefix
from tests.support.paths import attempt_in

PICO = Size(hidden=16, intermediate=32, layers=2, heads=4, kv_heads=2, vocabulary=50)
EMBEDDINGS = 2 * 50 * 16
LAYER = 2 * 16 * 16 + 2 * 8 * 16 + 3 * 32 * 16 + 2 * 16
PARAMETERS = EMBEDDINGS + 2 * LAYER + 16


def test_the_plain_loop_and_the_job_make_the_same_of_the_made_models(tmp_path: Path) -> None:
    for role in SHARDS:
        make(Prefix(tmp_path / "models" / role), role, PICO)
        model = Artifact.open(str(tmp_path / "models" / role), "model")
        assert len([path for path in model.paths if path.endswith(".safetensors")]) == SHARDS[role]
    assert PICO.model_bytes == 2 * PARAMETERS
    subprocess.run(ours(str(tmp_path / "models"), str(tmp_path / "ours")), check=True)
    merged = Artifact.open(str(tmp_path / "ours"), "model")
    assert merged.statistics["parameters"] == PARAMETERS
    base, instruct, onto = (folder_of(tmp_path / "models" / role) for role in ROLES)
    plain.main(base, instruct, onto, tmp_path / "plain")
    assert compare.same_elements(folder_of(tmp_path / "ours"), tmp_path / "plain") == 1
    assert compare.same_elements(folder_of(tmp_path / "ours"), base) < 0.5


def test_models_that_are_there_are_kept_and_those_of_another_size_replaced(tmp_path: Path) -> None:
    prefix = Prefix(tmp_path / "base")
    for size in (PICO, PICO, PICO.times_four()):
        make(prefix, "base", size)
        model = attempt_in(tmp_path / "base") / "model.safetensors"
        assert model.stat().st_size > size.model_bytes
    before = model.stat().st_mtime_ns
    make(prefix, "base", PICO.times_four())
    assert model.stat().st_mtime_ns == before


def test_timed_reports_the_command_not_its_caller(tmp_path: Path) -> None:
    held = bytearray(os.urandom(2**20) * 200)  # 200 MiB that the command must not inherit
    result = tmp_path / "result.json"
    command = [sys.executable, "-I", "-S", str(TIMED), str(result)]
    script = "import time; b = bytearray(b'x' * 2**26); time.sleep(0.3); raise SystemExit(7)"
    done = subprocess.run([*command, sys.executable, "-I", "-S", "-c", script], check=False)
    assert done.returncode == 7
    measured = json.loads(result.read_text())
    assert 0.3 <= measured["seconds"] < 5
    assert 2**26 <= measured["peak_bytes"] < 2**27 + 2**26 < len(held)
    assert 2**26 <= measured["anonymous_bytes"] <= measured["peak_bytes"]


def test_every_round_runs_everyone_once_and_the_first_is_not_measured() -> None:
    seen: list[tuple[int, str]] = []
    contenders = [Contender(name, ["true"]) for name in "abc"]
    figures = rounds(contenders, 2, lambda: None, lambda one, turn: seen.append((turn, one.name)))
    order = [
        (0, "a"),
        (0, "b"),
        (0, "c"),
        (1, "a"),
        (1, "b"),
        (1, "c"),
        (2, "b"),
        (2, "c"),
        (2, "a"),
    ]
    assert seen == order
    assert [len(measured.runs) for measured in figures.values()] == [2, 2, 2]
