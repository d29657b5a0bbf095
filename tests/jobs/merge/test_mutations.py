"""Weights that were altered at random: never taken for whole."""

import random
import struct
from pathlib import Path

import pytest
from safetensors.numpy import load

from jobs.errors import BadInputError
from tests.jobs.merge.models import WEIGHTS, files_of, put_three, run
from tests.support.paths import attempt_in
from tests.support.pico import commit


def mutated(data: bytes, draw: random.Random) -> bytes:
    """A few random changes, mostly in the header, where they hurt most."""
    changed = bytearray(data)
    (length,) = struct.unpack("<Q", data[:8])
    for _ in range(draw.randint(1, 3)):
        end = 8 + length if draw.random() < 0.8 else len(changed)
        place = draw.randrange(max(1, min(end, len(changed))))
        match draw.randrange(5):
            case 0:
                changed[place] ^= 1 << draw.randrange(8)
            case 1:
                del changed[place : place + draw.randint(1, 40)]
            case 2:
                changed[place:place] = draw.choice(
                    [b"9", b"-", b"[[", b"1e999", b"\xff", b'"', b"{}"]
                )
            case 3:
                changed[place:place] = changed[place : place + draw.randint(1, 200)]
            case 4:
                del changed[max(8, len(changed) - draw.randint(1, 500)) :]
    return bytes(changed)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    put_three(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("seed", range(4))
def test_random_mutations_never_pass_for_whole(store: Path, seed: int) -> None:
    """Under the old manifest never; under one made anew only if the model is one again."""
    draw = random.Random(seed)
    weights = attempt_in(store / "onto") / WEIGHTS
    valid = weights.read_bytes()
    for number in range(250):
        data = mutated(valid, draw)
        while data == valid:
            data = mutated(valid, draw)
        weights.write_bytes(data)
        with pytest.raises(BadInputError) as error:
            run(store)
        assert len(str(error.value).splitlines()) == 1
        commit(f"{store}/new{number}/onto", "model", {**files_of(), WEIGHTS: data})
        for role in ("base", "instruct"):
            (store / f"new{number}/{role}").symlink_to(store / role)
        try:
            out = run(store / f"new{number}")
        except BadInputError:
            assert not (store / f"new{number}/out/manifest.json").exists()
        else:
            assert load(out.read(WEIGHTS)).keys() == load(data).keys()
    assert not (store / "out/manifest.json").exists()
