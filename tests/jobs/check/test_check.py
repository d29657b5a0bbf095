"""The check job: merge's own answer, before anything is trained."""

from pathlib import Path

from jobs.artifacts.manifest import find_manifest
from jobs.artifacts.reading import Artifact
from jobs.check.settings import CheckSettings
from jobs.merge.settings import MergeSettings
from jobs.store.prefix import Prefix
from tests.jobs.merge.models import EMBEDDING, HEAD, put, put_three, tensors, tokenizer
from tests.support.pico import run_job

SCALED = {"max_position_embeddings": 64, "rope_scaling": {"rope_type": "linear", "factor": 2.0}}


def check(store: Path, *flags: str, onto: str = "onto") -> str:
    """Runs the job; the message of its last line, "" where that is no error."""
    models = [f"--base={store}/base", f"--instruct={store}/instruct", f"--onto={store}/{onto}"]
    result = run_job("check", *models, f"--out={store}/out", *flags)
    line = result.stderr.splitlines()[-1]
    assert (result.returncode == 64) == (" ERROR check: " in line), result.stderr
    return line.partition(" ERROR check: ")[2]


def test_what_fits_is_an_artifact_that_tells_what_was_allowed(tmp_path: Path) -> None:
    for seed, role in enumerate(("base", "instruct")):
        put(f"{tmp_path}/{role}", tensors(seed))
    put(f"{tmp_path}/onto", tensors(2), config=SCALED)
    assert check(tmp_path, "--allow-config=max_position_embeddings,rope_scaling") == ""
    made = Artifact.open(f"{tmp_path}/out", "check")
    allowed = made.statistics["allowed_config"]
    assert made.read_json("check.json") == {"tensors": 6, "allowed_config": allowed}
    assert allowed == {
        "max_position_embeddings": ["64 in --onto", "absent in --instruct", "absent in --base"],
        "rope_scaling": [
            '{"factor": 2.0, "rope_type": "linear"} in --onto',
            "absent in --instruct", "absent in --base",
        ],
    }  # fmt: skip


def test_leave_may_be_given_and_taken_back_beside_an_artifact(tmp_path: Path) -> None:
    """What is there was found with other leave; whether the models fit is asked every time."""
    for seed, role in enumerate(("base", "instruct")):
        put(f"{tmp_path}/{role}", tensors(seed))
    put(f"{tmp_path}/onto", tensors(2), config=SCALED)
    assert "merge: {allow_config: [max_position_embeddings, rope_scaling]}" in check(tmp_path)
    assert find_manifest(Prefix(f"{tmp_path}/out")) is None
    both = "max_position_embeddings,rope_scaling"
    assert check(tmp_path, f"--allow-config={both}") == ""
    made = Artifact.open(f"{tmp_path}/out").manifest
    assert check(tmp_path, f"--allow-config={both},sliding_window") == ""
    assert "rope_scaling is" in check(tmp_path, "--allow-config=max_position_embeddings")
    assert Artifact.open(f"{tmp_path}/out").manifest == made


def test_a_head_that_training_would_part_from_its_embedding(tmp_path: Path) -> None:
    """Equal now, so that merge would take them as they are; not any more once onto is trained."""
    untied = tensors(0)
    untied[HEAD] = untied[EMBEDDING]
    put(f"{tmp_path}/base", untied)
    tied = tensors(1, lm_head__weight=None)
    put(f"{tmp_path}/instruct", tied, config={"tie_word_embeddings": True})
    assert check(tmp_path, onto="base") == ""
    said = check(tmp_path, "--will-train=true", onto="base")
    assert said == (
        f"--instruct ties {HEAD} to {EMBEDDING}, and --onto {tmp_path}/base does not: training "
        "would part them; merge models that are all tied or all untied"
    )


def test_tied_models_are_trained_tied(tmp_path: Path) -> None:
    stored = tensors(0)
    stored[HEAD] = stored[EMBEDDING]
    put(f"{tmp_path}/base", stored, config={"tie_word_embeddings": True})
    tied = tensors(1, lm_head__weight=None)
    put(f"{tmp_path}/instruct", tied, config={"tie_word_embeddings": True})
    assert check(tmp_path, "--will-train=true", onto="base") == ""
    assert "lm_head.weight equals" in Artifact.open(f"{tmp_path}/out").statistics["tied"]


def test_it_has_merges_settings() -> None:
    """A fleet's section merge serves both."""
    for name in ("vocabulary", "allow_config", "max_bytes"):
        ours, merges = (kind.model_fields[name] for kind in (CheckSettings, MergeSettings))
        assert (ours.annotation, ours.default) == (merges.annotation, merges.default)


def test_renamed_tokens_and_rows_are_told(tmp_path: Path) -> None:
    put_three(str(tmp_path))
    words = tokenizer(*"abcdefg", added={"<x>": 7})
    for role, name in (("base", "<x>"), ("instruct", "<x>"), ("onto", "<y>")):
        place = f"{tmp_path}/{role}"
        (tmp_path / role).rename(tmp_path / f"old-{role}")
        put(place, tensors(0), words=words.replace(b"<x>", name.encode()))
    assert check(tmp_path) == ""
    told = Artifact.open(f"{tmp_path}/out").statistics
    assert told["renamed_tokens"] == 1
    assert told["renamed_tokens_such_as"] == ["id 7 is '<x>' in --instruct, '<y>' in --onto"]
