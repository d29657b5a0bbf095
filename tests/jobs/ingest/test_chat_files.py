"""Chat templates, one or many: taken by ingest, and by merge from the instruct model."""

import shutil
from pathlib import Path

from jobs.artifacts.reading import Artifact
from jobs.kinds.model import CHAT_TEMPLATES
from tests.jobs.ingest.sources import ingest, settings
from tests.support.pico import run_job, write_llama


def test_all_that_shapes_a_chat_is_taken(tmp_path: Path) -> None:
    """As transformers 5.23 reads it: tokenization_utils_base, `from_pretrained`."""
    from transformers import AutoTokenizer

    folder = write_llama(tmp_path / "source")
    named = [{"name": "default", "template": "{{ 1 }}"}, {"name": "rag", "template": "{{ 2 }}"}]
    files = {
        "chat_template.jinja": b"{{ messages }}", "chat_template.json": b'{"chat_template": "x"}',
        "special_tokens_map.json": b"{}", "generation_config.json": b'{"temperature": 0.5}',
        "additional_chat_templates/tool_use.jinja": "{{ tools }} é".encode(),
        "additional_chat_templates/rag.jinja": b"{{ documents }}",
    }  # fmt: skip
    (folder / CHAT_TEMPLATES).mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    settings("tokenizer_config.json", chat_template=named)(folder)
    (folder / CHAT_TEMPLATES / "run.py").write_text("raise SystemExit")
    model = ingest(folder, tmp_path / "out")
    assert {name: model.read(name) for name in files} == files
    assert model.read("tokenizer_config.json") == (folder / "tokenizer_config.json").read_bytes()
    assert not [path for path in model.paths if path.endswith(".py")]
    loaded = AutoTokenizer.from_pretrained(model.local_copy(tmp_path / "copy"))
    assert loaded.chat_template == {
        "default": "{{ messages }}", "tool_use": "{{ tools }} é", "rag": "{{ documents }}",
    }  # fmt: skip
    shutil.rmtree(folder / "additional_chat_templates")
    again = ingest(folder, tmp_path / "again")
    digests = [one.statistics["outputs"]["tokenizer_digest"] for one in (model, again)]
    assert digests[0] != digests[1]


def test_a_candidate_speaks_by_all_templates_of_its_instruct_model(tmp_path: Path) -> None:
    for role in ("base", "instruct"):
        folder = write_llama(tmp_path / role)
        (folder / CHAT_TEMPLATES).mkdir()
        (folder / CHAT_TEMPLATES / f"{role}.jinja").write_text(role)
        ingest(folder, tmp_path / "store" / role)
    base, instruct = (f"{tmp_path}/store/{role}" for role in ("base", "instruct"))
    out = f"--out={tmp_path}/store/out"
    done = run_job("merge", f"--base={base}", f"--instruct={instruct}", f"--onto={base}", out)
    assert done.returncode == 0, done.stderr
    candidate = Artifact.open(f"{tmp_path}/store/out")
    assert candidate.read(f"{CHAT_TEMPLATES}/instruct.jinja") == b"instruct"
    assert f"{CHAT_TEMPLATES}/base.jinja" not in candidate
