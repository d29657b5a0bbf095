"""The ingest job: what is imported, what is refused."""

import json
from pathlib import Path

import pytest

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.ingest.files import choose
from jobs.kinds.model import parameters, read_tensors
from tests.support.pico import run_job, write_llama


def test_a_folder_becomes_a_model_without_its_code(store: str, tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "model", chat_template="{{ messages }}")
    (folder / "modeling_evil.py").write_text("raise SystemExit")
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "LICENSE").write_text("free")
    result = run_job("ingest", f"--from={folder}", f"--out={store}/model")
    assert result.returncode == 0, result.stderr
    model = Artifact.open(f"{store}/model", "model")
    assert "modeling_evil.py" not in model
    assert "pytorch_model.bin" not in model
    assert {"config.json", "LICENSE", "tokenizer.json", "chat_template.jinja"} <= set(model.paths)
    assert model.read("config.json") == (folder / "config.json").read_bytes()
    assert model.statistics["architecture"] == "LlamaForCausalLM"
    assert model.statistics["parameters"] == parameters(read_tensors(model).values())


def test_a_moved_folder_is_the_same_and_a_changed_one_is_not(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "model")
    flags = [f"--out={tmp_path}/store"]
    assert run_job("ingest", f"--from={folder}", *flags).returncode == 0
    moved = folder.rename(tmp_path / "moved")
    again = run_job("ingest", f"--from={moved}", *flags)
    assert again.returncode == 0
    assert "already-done" in again.stderr
    write_llama(moved, seed=1)
    changed = run_job("ingest", f"--from={moved}", *flags)
    assert changed.returncode == 64
    assert "setting source was folder" in changed.stderr


def test_models_that_share_their_tokenizer_share_its_digest(tmp_path: Path) -> None:
    digests = []
    for name, chat, seed in (("base", None, 0), ("twin", None, 1), ("instruct", "{{ x }}", 0)):
        folder = write_llama(tmp_path / name, seed, chat)
        result = run_job("ingest", f"--from={folder}", f"--out={tmp_path}/store/{name}")
        assert result.returncode == 0, result.stderr
        manifest = json.loads((tmp_path / "store" / name / "manifest.json").read_text())
        digests.append(manifest["statistics"]["outputs"]["tokenizer_digest"])
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("./nowhere", "neither a folder nor a hub id"),
        ("nowhere", "neither a folder nor a hub id"),
    ],
)
def test_a_source_that_is_none_is_refused(tmp_path: Path, source: str, said: str) -> None:
    result = run_job("ingest", f"--from={source}", f"--out={tmp_path}/out")
    assert result.returncode == 64
    assert said in result.stderr


def test_a_revision_of_a_folder_is_refused(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "model")
    result = run_job("ingest", f"--from={folder}", "--revision=main", f"--out={tmp_path}/out")
    assert result.returncode == 64
    assert "--revision main goes with a hub id" in result.stderr


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["model.safetensors", "tokenizer.json"], "has no config.json"),
        (["config.json", "tokenizer.json", "pytorch_model.bin"], "convert it to safetensors"),
        (["config.json", "tokenizer.json"], "no weights"),
        (["config.json", "model.safetensors"], "has no tokenizer: expected tokenizer.json"),
    ],
)
def test_what_is_no_model_is_refused(names: list[str], said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        choose(names, "/model")


@pytest.mark.parametrize(
    ("where", "folder"),
    [
        ("models/old", "models/old"),
        ("owner/name", "FOLDER (after: hf download owner/name --local-dir FOLDER)"),
    ],
)
def test_the_command_that_converts_names_the_folder(
    where: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of two names reads as an id of the hub."""
    (tmp_path / "models/old").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInputError) as raised:
        choose(["config.json", "tokenizer.json", "pytorch_model.bin"], where)
    assert str(raised.value).endswith(f"' {folder}")


def test_shards_that_the_index_lists_must_be_there(tmp_path: Path) -> None:
    folder = write_llama(tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    result = run_job("ingest", f"--from={folder}", f"--out={tmp_path}/out")
    assert result.returncode == 64
    assert "lists 'model-2.safetensors', which is missing" in result.stderr
    assert not (tmp_path / "out/manifest.json").exists()
