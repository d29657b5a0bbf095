"""The merge job, from the store to the store."""

from pathlib import Path

import numpy as np
import pytest

from jobs.artifacts.manifest import Work
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.errors import BadInputError
from jobs.kinds.model import read_tensors, weight_files
from jobs.merge.arithmetic.merge import Moments
from jobs.merge.settings import MergeSettings
from jobs.merge.stream.resume import Records
from jobs.merge.stream.source import Source
from tests.jobs.merge.models import (
    CONFIG,
    EMBEDDING,
    HEAD,
    WORDS,
    exact,
    merge,
    put,
    tensors,
    tokenizer,
    values,
)
from tests.support.pico import commit_llama

ROLES = ("base", "instruct", "onto")
CHAT = "{% for m in messages %}<{{ m['role'] }}> {{ m['content'] }} {% endfor %}"


def put_three(store: str, **content: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    three = [content.get(role, tensors(seed)) for seed, role in enumerate(ROLES)]
    for role, part in zip(ROLES, three, strict=True):
        put(f"{store}/{role}", part)
    return three


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
    assert not [path for path, _ in merged.prefix.list() if path.startswith("shards/")]


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


def test_a_stored_residual_gives_the_same_candidate(store: str, tmp_path: Path) -> None:
    for seed, role in enumerate(ROLES):
        commit_llama(f"{store}/{role}", tmp_path / role, seed, CHAT)
    assert merge(store, out="direct") == ""
    assert merge(store, "--shard-bytes=9000", roles="base instruct", out="residual") == ""
    residual = Artifact.open(f"{store}/residual", "residual")
    assert residual.statistics["inexact"] == 0
    assert {t.dtype for t in read_tensors(residual).values()} == {"F32"}
    assert merge(store, roles="residual onto", out="again") == ""
    direct, again = (Artifact.open(f"{store}/{name}", "model") for name in ("direct", "again"))
    assert direct.digest == again.digest
    assert again.statistics["change"]["training_norm"] is None
    expected = direct.statistics["change"]["residual_norm"]
    assert again.statistics["change"]["residual_norm"] == pytest.approx(expected)


def test_a_residual_is_no_model(tmp_path: Path) -> None:
    store = str(tmp_path)
    put_three(store)
    assert merge(store, roles="base instruct", out="residual") == ""
    (tmp_path / "onto").rename(tmp_path / "kept")
    (tmp_path / "residual").rename(tmp_path / "onto")
    assert "onto holds 'residual', expected 'model'" in merge(store)


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
    for folder in ("instruct", "out"):
        words = AutoTokenizer.from_pretrained(tmp_path / folder)
        prompt = words.apply_chat_template(messages, return_tensors="pt", return_dict=True)
        model = AutoModelForCausalLM.from_pretrained(tmp_path / folder)
        said = model.generate(**prompt, max_new_tokens=8, do_sample=False)
        settings = GenerationConfig.from_pretrained(tmp_path / folder).to_dict()
        answers.append((prompt["input_ids"].tolist(), said.tolist(), settings))
    assert answers[0] == answers[1]


def records(out: Path, work: Work | None = None) -> Records:
    """Records as a merge into `out` of the models beside it would write them."""
    whole = Artifact.open(str(out))
    writer = ArtifactWriter(whole.prefix, work or Work.of(whole.manifest), {})
    models = {role: Artifact.open(str(out.parent / role)) for role in ROLES}
    return Records(
        writer,
        {role: Source(model, weight_files(model)).versions() for role, model in models.items()},
    )


def test_shards_that_are_whole_are_not_computed_again(tmp_path: Path) -> None:
    """The state a SIGKILL leaves: a shard with its record, one without, no manifest."""
    store, out = str(tmp_path), tmp_path / "out"
    put_three(store)
    flags = ["--shard-bytes=1000"]
    assert merge(store, *flags) == ""
    whole = Artifact.open(str(out))
    kept_records = records(out)
    (out / "manifest.json").unlink()
    first, second, *_ = sorted(path.name for path in out.glob("*.safetensors"))
    kept = {path: path.stat().st_mtime_ns for path in (out / first, out / second)}
    file = next(file for file in whole.manifest.files if file.path == first)
    kept_records.save(file, {HEAD: Moments(elements=10**6)})
    assert merge(store, *flags) == ""
    again = Artifact.open(str(out))
    assert again.digest == whole.digest
    assert (out / first).stat().st_mtime_ns == kept[out / first]
    assert (out / second).stat().st_mtime_ns != kept[out / second]
    assert again.statistics["change"]["elements"] > 10**6, "its moments come from the record"


@pytest.mark.parametrize("harm", ["shard", "record", "work"])
def test_what_is_not_whole_is_computed_again(tmp_path: Path, harm: str) -> None:
    store, out = str(tmp_path), tmp_path / "out"
    put_three(store)
    assert merge(store) == ""
    whole = Artifact.open(str(out))
    weights = out / "model.safetensors"
    data = weights.read_bytes()
    work = Work.of(whole.manifest)
    if harm == "work":
        work = work.model_copy(update={"producer": "merge 1"})
    file = next(file for file in whole.manifest.files if file.path == weights.name)
    kept_records = records(out, work)
    (out / "manifest.json").unlink()
    kept_records.save(file, {})
    if harm == "record":
        record = out / "shards/model.safetensors.json"
        record.write_bytes(record.read_bytes()[:-9])
    if harm == "shard":
        weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert merge(store) == ""
    assert Artifact.open(str(out)).digest == whole.digest
    assert Artifact.open(str(out)).statistics["bytes_read"] > len(data)
    assert weights.read_bytes() == data


def test_shards_of_an_input_that_was_damaged_are_made_again(tmp_path: Path) -> None:
    store, weights = str(tmp_path), tmp_path / "instruct/model.safetensors"
    put_three(store)
    assert merge(store, "--shard-bytes=1000", out="right") == ""
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert "is corrupt" in merge(store, "--shard-bytes=1000")
    assert list((tmp_path / "out/shards").iterdir()), "the shards were all written"
    weights.write_bytes(data)
    assert merge(store, "--shard-bytes=1000") == ""
    right, out = (Artifact.open(f"{store}/{name}").digest for name in ("right", "out"))
    assert right == out


@pytest.mark.parametrize("where", [-1, 9, 700])
@pytest.mark.parametrize("shards", [1, 3])
def test_altered_weights_are_found(tmp_path: Path, where: int, shards: int) -> None:
    """In the values or in the header, in files that are read in order and others."""
    store = str(tmp_path)
    put_three(store)
    put(f"{store}/other", dict(reversed(tensors(0).items())), shards=shards)
    (tmp_path / "base").rename(tmp_path / "unused")
    (tmp_path / "other").rename(tmp_path / "base")
    weights = max((tmp_path / "base").glob("*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[min(where, len(data) - 30)] ^= 1
    weights.write_bytes(data)
    error = merge(store)
    assert weights.name in error
    assert not (tmp_path / "out/manifest.json").exists()


def test_extends_the_vocabulary(tmp_path: Path) -> None:
    """instruct has two rows more: they are its own, and the candidate has as many as it."""
    store = str(tmp_path)
    base, onto = tensors(0), tensors(2)
    instruct = {**tensors(1), EMBEDDING: np.ones((10, 4), np.float32),
                HEAD: np.full((10, 4), 2, np.float32)}  # fmt: skip
    words = tokenizer(*WORDS, added={"<user>": 8, "<end>": 9})
    put(f"{store}/base", base, config={"vocab_size": 8})
    put(f"{store}/onto", onto, config={"vocab_size": 8})
    put(f"{store}/instruct", instruct, config={"vocab_size": 10}, words=words)
    assert "--vocabulary extend" in merge(store, out="no")
    assert merge(store, "--vocabulary=extend") == ""
    merged = Artifact.open(f"{store}/out")
    for name in (EMBEDDING, HEAD):
        found = values(merged)[name]
        np.testing.assert_array_equal(found[:8], exact(onto[name], base[name], instruct[name][:8]))
        np.testing.assert_array_equal(found[8:], instruct[name][8:])
    assert merged.read_json("config.json")["vocab_size"] == 10
    told = {"rows 0–7": "sum", "rows 8–9": "instruct"}
    assert merged.statistics["vocabulary"] == {EMBEDDING: told, HEAD: told}
    assert merge(store, "--vocabulary=extend", roles="base instruct", out="residual") == ""
    assert merge(store, "--vocabulary=extend", roles="residual onto", out="again") == ""
    again = values(Artifact.open(f"{store}/again"))
    for name in (EMBEDDING, HEAD):
        np.testing.assert_array_equal(again[name][8:], instruct[name][8:])
        np.testing.assert_allclose(again[name], values(merged)[name], rtol=1e-5, atol=1e-6)


def test_rows_that_a_residual_cannot_hold_exactly_are_counted(tmp_path: Path) -> None:
    store = str(tmp_path)
    put_three(store, instruct={**tensors(0), EMBEDDING: np.full((12, 4), 0.1, np.float32),
                               HEAD: tensors(0)[HEAD]})  # fmt: skip
    base = {**tensors(0), EMBEDDING: np.full((8, 4), 0.1, np.float32)}
    put(f"{store}/base8", base)
    (tmp_path / "base").rename(tmp_path / "unused")
    (tmp_path / "base8").rename(tmp_path / "base")
    flags = ["--vocabulary=extend", "--dtype=float16"]
    assert merge(store, *flags, roles="base instruct", out="residual") == ""
    assert Artifact.open(f"{store}/residual").statistics["inexact"] == 4 * 4


def test_a_residual_does_not_fill_rows_that_onto_lacks(tmp_path: Path) -> None:
    """They would be differences, not the instruct model's values."""
    store = str(tmp_path)
    put_three(store, onto={**tensors(2), EMBEDDING: np.ones((5, 4), np.float32)})
    assert merge(store, roles="base instruct", out="residual") == ""
    error = merge(store, "--vocabulary=extend", roles="residual onto")
    assert "has 5 rows in --onto, fewer than the 8 of the residual's base" in error
    assert merge(store, "--vocabulary=extend") == ""


@pytest.mark.parametrize("untied", [("onto",), ("base", "instruct"), ("instruct",)])
def test_tied_and_untied_heads_are_resolved_where_values_agree(
    tmp_path: Path, untied: tuple[str, ...]
) -> None:
    store = str(tmp_path)
    three = dict(zip(ROLES, (tensors(seed) for seed in range(3)), strict=True))
    for role, content in three.items():
        content[HEAD] = content[EMBEDDING]
        if role not in untied:
            del content[HEAD]
        put(f"{store}/{role}", content, config={"tie_word_embeddings": role not in untied})
    assert merge(store) == ""
    merged = Artifact.open(f"{store}/out")
    found = values(merged)
    assert (HEAD in found) == ("onto" in untied)
    expected = exact(*(three[role][EMBEDDING] for role in ("onto", "base", "instruct")))
    np.testing.assert_array_equal(found[EMBEDDING], expected)
    np.testing.assert_array_equal(found.get(HEAD, expected), expected)
    assert merged.read_json("config.json")["tie_word_embeddings"] == ("onto" not in untied)
    assert "lm_head.weight equals" in merged.statistics["tied"]


def test_untied_heads_that_differ_are_refused_beside_tied_ones(tmp_path: Path) -> None:
    store = str(tmp_path)
    for seed, role in enumerate(ROLES):
        content = tensors(seed, **({} if role == "onto" else {"lm_head__weight": None}))
        put(f"{store}/{role}", content, config={"tie_word_embeddings": role != "onto"})
    assert "lm_head.weight to model.embed_tokens.weight, but the two differ in --onto" in merge(
        store
    )


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


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_residual_in_a_narrower_type(tmp_path: Path, dtype: str) -> None:
    store = str(tmp_path)
    put_three(store)
    assert merge(store, f"--dtype={dtype}", roles="base instruct", out="residual") == ""
    residual = Artifact.open(f"{store}/residual")
    assert {t.dtype for t in read_tensors(residual).values()} == {
        {"bfloat16": "BF16"}.get(dtype, "F16")
    }
    assert residual.statistics["inexact"] > 1000
    assert merge(store, roles="residual onto") == ""


def test_progress_goes_to_argo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGO_PROGRESS_FILE", str(tmp_path / "progress"))
    three = put_three(str(tmp_path))
    assert merge(str(tmp_path)) == ""
    size = sum(value.nbytes for value in three[0].values())
    assert (tmp_path / "progress").read_text() == f"{size}/{size}\n"


def test_sums_that_overflow_are_refused(tmp_path: Path) -> None:
    big = {"model__norm__weight": np.array([3e38], np.float32)}
    small = {"model__norm__weight": np.array([-3e38], np.float32)}
    three = [tensors(0, **small), tensors(1, **big), tensors(2, **big)]
    put_three(str(tmp_path), **dict(zip(ROLES, three, strict=True)))
    assert "tensor model.norm.weight: the sum overflows F32" in merge(str(tmp_path))
