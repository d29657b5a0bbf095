"""A model that names code of its own, as Phi-3's files do, through the jobs that load it.

Each asks on standard input whether it may run, and is answered with yes.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import Phi3Config, Phi3ForCausalLM

from jobs.artifacts.reading import Artifact
from tests.support.pico import SENTENCE, commit, commit_articles, write_llama

CODE = (
    "import pathlib; pathlib.Path({!r}).touch()\nclass Config: pass\nModel = Tokenizer = Config\n"
)


@pytest.fixture(scope="module")
def mark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mark") / "ran"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, mark: Path) -> Path:
    root = tmp_path_factory.mktemp("store")
    folder = write_llama(tmp_path_factory.mktemp("phi"))
    size = len(json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"])
    torch.manual_seed(0)
    config = Phi3Config(
        vocab_size=size, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=64,
        original_max_position_embeddings=64, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    Phi3ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name, auto_map in (
        ("config.json", {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}),
        ("tokenizer_config.json", {"AutoTokenizer": ["own.Tokenizer", "own.Tokenizer"]}),
    ):
        files[name] = json.dumps(json.loads(files[name]) | {"auto_map": auto_map}).encode()
    files["own.py"] = CODE.format(str(mark)).encode()
    commit(f"{root}/model", "model", files)
    commit_articles(f"{root}/articles", [SENTENCE] * 20)
    return root


def run(store: Path, job: str, **settings: object) -> None:
    """The job in the store's folder; it ends with 0."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    with subprocess.Popen(["yes", "y"], stdout=subprocess.PIPE) as yes:
        done = subprocess.run(
            [sys.executable, "-m", f"jobs.{job}", *flags],
            cwd=store, stdin=yes.stdout, capture_output=True, text=True, check=False,
        )  # fmt: skip
        yes.kill()
    assert done.returncode == 0, done.stderr
    assert "trust_remote_code" not in done.stderr


@pytest.mark.slow
def test_none_of_it_runs(store: Path, mark: Path) -> None:
    run(
        store, "pack", articles="articles", tokenizer="model", out="rows",
        sequence_length=32, heldout_fraction=0.2,
    )  # fmt: skip
    run(
        store, "train", model="model", rows="rows", out="trained",
        objective="cpt", epochs=1, batch_rows=4, micro_batch_rows=4, processes=1, zero_stage=1,
    )  # fmt: skip
    run(store, "evaluate", model="model", rows="rows", task="heldout", out="scores")
    trained = Artifact.open(f"{store}/trained", "model").statistics
    assert trained["heldout_loss_after"] < trained["heldout_loss_before"]
    assert not mark.exists()
