"""The merge job, from the store to the store."""

from pathlib import Path

import numpy as np
import pytest

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.model import read_tensors
from jobs.merge.settings import MergeSettings
from tests.jobs.merge.models import (
    CHAT,
    CONFIG,
    HEAD,
    ROLES,
    exact,
    merge,
    put,
    put_three,
    tensors,
    values,
)
from tests.support.paths import attempt_in
from tests.support.pico import commit_llama


def test_streams_three_models_of_any_sharding(store: str) -> None:
    base, instruct, onto = (tensors(seed) for seed in range(3))
    put(f"{store}/base", base)
    put(f"{store}/instruct", instruct, shards=3, config={"eos_token_id": 7},
        chat_template__jinja=b"chat", generation_config__json=b"{}")  # fmt: skip
    put(f"{store}/onto", onto, shards=2, config={"use_cache": False}, LICENSE=b"its own")
    assert merge(store, "--shard-bytes=1000", "--max-bytes=64KiB") == ""
    merged = Artifact.open(f"{store}/out", "model")
    found = values(merged)
    assert found.keys() == base.keys()
    for name, value in found.items():
        np.testing.assert_array_equal(value, exact(onto[name], base[name], instruct[name]))
    index = merged.read_json("model.safetensors.index.json")
    assert index["weight_map"] == {n: t.file for n, t in read_tensors(merged).items()}
    assert index["metadata"]["total_size"] == sum(value.nbytes for value in found.values())
    assert merged.read("chat_template.jinja") == b"chat"
    assert merged.read("generation_config.json") == b"{}"
    assert merged.read_json("config.json") == {**CONFIG, "eos_token_id": 7}
    assert "LICENSE" not in merged
    assert not [path for path, _ in merged.prefix.list() if "shards/" in path]


def test_the_sharding_and_order_of_inputs_leave_no_trace(tmp_path: Path) -> None:
    store = str(tmp_path)
    three = put_three(store)
    assert merge(store, out="one") == ""
    for role, part in zip(ROLES, three, strict=True):
        backwards = dict(reversed(part.items()))
        put(f"{store}/other/{role}", backwards, shards=1 + ROLES.index(role) * 2)
    assert merge(f"{store}/other", "--max-bytes=65536") == ""
    one, two = (Artifact.open(f"{store}/{name}").digest for name in ("one", "other/out"))
    assert one == two


def test_statistics(tmp_path: Path) -> None:
    store = str(tmp_path)
    base, instruct, onto = put_three(store, onto={**tensors(2), HEAD: tensors(0)[HEAD]})
    assert merge(store) == ""
    statistics = Artifact.open(f"{store}/out").statistics
    groups = {(group["layer"], group["group"]): group for group in statistics["groups"]}
    assert set(groups) == {
        (None, "embeddings"), (None, "head"), (None, "norms"),
        (0, "attention"), (0, "mlp"), (0, "norms"),
    }  # fmt: skip
    assert groups[None, "head"]["training_norm"] == 0
    assert groups[None, "head"]["cosine"] is None
    mlp, name = groups[0, "mlp"], "model.layers.0.mlp.up_proj.weight"
    training, residual = (
        x[name].astype(float) - base[name].astype(float) for x in (onto, instruct)
    )
    assert mlp["elements"] == mlp["changed"] == 20
    assert mlp["training_norm"] == pytest.approx(np.linalg.norm(training), rel=1e-6)
    assert mlp["residual_norm"] == pytest.approx(np.linalg.norm(residual), rel=1e-6)
    lengths = np.linalg.norm(training) * np.linalg.norm(residual)
    assert mlp["cosine"] == pytest.approx((training * residual).sum() / lengths, rel=1e-6)
    size = sum(value.nbytes for value in base.values())
    assert statistics["bytes_written"] == size
    assert 3 * size < statistics["bytes_read"] < 3 * size + 3000, "each byte once, and the headers"
    assert statistics["change"]["elements"] == size / 4
    assert {"read", "digest", "arithmetic", "write"} == statistics["busy"].keys()


@pytest.mark.parametrize("flags", [(), ("base",), ("base", "onto"), ("residual",),
                                   ("base", "instruct", "onto", "residual")])  # fmt: skip
def test_other_forms_of_the_command_are_refused(tmp_path: Path, flags: tuple[str, ...]) -> None:
    given = [f"--{flag}={tmp_path}/{flag}" for flag in flags]
    with pytest.raises(BadInputError, match=r"expected --base --instruct --onto \(a candidate\)"):
        MergeSettings.from_flags([*given, f"--out={tmp_path}/out"])


def test_the_result_loads_and_answers_as_the_instruct_model_would(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    store = str(tmp_path)
    commit_llama(f"{store}/base", tmp_path / "s0", seed=0)
    commit_llama(f"{store}/onto", tmp_path / "s0", seed=0)
    instruct = commit_llama(f"{store}/instruct", tmp_path / "s1", seed=1, chat=CHAT)
    assert merge(store, "--shard-bytes=5000") == ""
    merged = Artifact.open(f"{store}/out")
    assert read_tensors(merged).keys() == read_tensors(instruct).keys()
    for name, tensor in read_tensors(merged).items():
        there = read_tensors(instruct)[name]
        ours = merged.read_range(tensor.file, tensor.start, tensor.length)
        assert bytes(ours) == bytes(instruct.read_range(there.file, there.start, there.length))
    messages = [{"role": "user", "content": "the baker makes bread"}]
    answers = []
    for folder in (attempt_in(tmp_path / "instruct"), attempt_in(tmp_path / "out")):
        words = AutoTokenizer.from_pretrained(folder)
        prompt = words.apply_chat_template(messages, return_tensors="pt", return_dict=True)
        model = AutoModelForCausalLM.from_pretrained(folder)
        said = model.generate(**prompt, max_new_tokens=8, do_sample=False)
        settings = GenerationConfig.from_pretrained(folder).to_dict()
        answers.append((prompt["input_ids"].tolist(), said.tolist(), settings))
    assert answers[0] == answers[1]


def test_a_difference_that_is_allowed_by_name(tmp_path: Path) -> None:
    store = str(tmp_path)
    put_three(store)
    scaled = {"rope_type": "llama3", "factor": 8.0}
    put(f"{store}/onto31", tensors(2), config={"rope_scaling": scaled})
    (tmp_path / "onto").rename(tmp_path / "unused")
    (tmp_path / "onto31").rename(tmp_path / "onto")
    error = merge(store)
    assert "rope_scaling is" in error
    assert "--allow-config rope_scaling" in error
    assert merge(store, "--allow-config=rope_scaling") == ""
    merged = Artifact.open(f"{store}/out")
    assert merged.read_json("config.json")["rope_scaling"] == scaled
    assert "rope_scaling" in merged.statistics["allowed_config"]


def test_progress_goes_to_argo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGO_PROGRESS_FILE", str(tmp_path / "progress"))
    three = put_three(str(tmp_path))
    assert merge(str(tmp_path)) == ""
    size = sum(value.nbytes for value in three[0].values())
    assert (tmp_path / "progress").read_text().splitlines()[-1] == f"{size}/{size}"


def test_sums_that_overflow_are_refused(tmp_path: Path) -> None:
    big = {"model__norm__weight": np.array([3e38], np.float32)}
    small = {"model__norm__weight": np.array([-3e38], np.float32)}
    three = [tensors(0, **small), tensors(1, **big), tensors(2, **big)]
    put_three(str(tmp_path), **dict(zip(ROLES, three, strict=True)))
    said = merge(str(tmp_path))
    assert "tensor model.norm.weight: the sum overflows F32" in said
    assert "; give a base, its own instruct twin, and a model that was made from that base" in said
