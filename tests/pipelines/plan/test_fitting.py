"""What the plan says of models that merge would refuse, and the shipped fleets, which it takes."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.fit.configuration import check_configs
from pipelines.fleet.merges import merges
from pipelines.fleet.model import Fleet
from pipelines.fleet.reading import read_fleet
from pipelines.plan.fitting import misfits
from pipelines.plan.models import ModelFacts, fleet_models
from tests.support.paths import ROOT

CONFIGS: Mapping[str, dict[str, Any]] = yaml.safe_load(
    (ROOT / "tests/jobs/fit/families.yaml").read_text()
)["models"]
SHIPPED = sorted((ROOT / "fleets").glob("*.yaml"))
LENGTH, SCALING = "max_position_embeddings", "rope_scaling"
# Candidate → fields in which its models differ, of each merge that the shipped fleets ask for.
DIFFER = {
    "llama-3.1-8b-instruct": [],
    "llama-3.1-8b-instruct-from-llama-3-8b": [LENGTH, SCALING],
    "llama3-docchat-1.0-8b-instruct": [LENGTH, SCALING],
    "qwen2.5-0.5b-instruct": [],
    "qwen2.5-1.5b-instruct": [LENGTH],
    "qwen2.5-1.5b-instruct-from-qwen2-1.5b": [LENGTH],
}


def known(fleet: Fleet) -> dict[Any, ModelFacts]:
    """Of each model the config as it was published, as the hub tells it."""
    return {model: ModelFacts(config=CONFIGS[model.source]) for model in fleet_models(fleet)}


def told(fleet: Fleet) -> list[tuple[str, str]]:
    return [
        (".".join(map(str, misfit.location)), misfit.said)
        for misfit in misfits(fleet, known(fleet), "/none")
    ]


def without_leave(fleet: Fleet) -> Fleet:
    families = tuple(family.model_copy(update={"merge": {}}) for family in fleet.families)
    return fleet.model_copy(update={"families": families, "merge": {}})


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_the_shipped_fleets_allow_what_their_published_models_differ_in(file: Path) -> None:
    assert told(read_fleet(file)) == []


def test_each_merge_of_the_shipped_fleets_needs_what_they_allow() -> None:
    found = {}
    for fleet in map(read_fleet, SHIPPED):
        for family in fleet.families:
            sources = {m.name: m.source for m in fleet_models(fleet) if m.family == family.name}
            for merge in merges(family):
                configs = {role: CONFIGS[sources[name]] for role, name in merge.models.items()}
                found[merge.candidate] = list(check_configs(configs, [LENGTH, SCALING]))
                allowed = family.section("merge", fleet).get("allow_config", ())
                assert set(found[merge.candidate]) <= set(allowed)
    assert found == DIFFER


def test_without_leave_one_line_a_family_says_what_to_write() -> None:
    scaling = '{"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": …'
    older = "llama-3-8b-base and llama-3-8b-instruct and llama3-docchat-1.0-8b"
    llama = (
        f"config.json of its models differ: {LENGTH} is 8192 in {older}, 131072 in base and "
        f"instruct; {SCALING} is absent in {older}, {scaling} in base and instruct; between "
        "versions of one architecture this is harmless; write into the family: merge: "
        f"{{allow_config: [{LENGTH}, {SCALING}]}}"
    )
    qwen = (
        f"config.json of its models differ: {LENGTH} is 131072 in base and qwen2-1.5b-base, 32768 "
        "in instruct and qwen2-1.5b-instruct; between versions of one architecture this is "
        f"harmless; write into the family: merge: {{allow_config: [{LENGTH}]}}"
    )
    assert told(without_leave(read_fleet(ROOT / "fleets/news.yaml"))) == [
        ("families.0.merge.allow_config", llama), ("families.1.merge.allow_config", qwen),
    ]  # fmt: skip


def test_a_misspelt_field_is_told_and_not_kept() -> None:
    fleet = read_fleet(ROOT / "fleets/news.yaml")
    qwen = fleet.families[1].model_copy(update={"merge": {"allow_config": ("max_positions", "x")}})
    ((where, said),) = told(fleet.model_copy(update={"families": (qwen,)}))
    assert where == "families.0.merge.allow_config"
    assert f"; 'max_positions' in allow_config is no field of theirs ({LENGTH} is); b" in said
    assert said.endswith(f"merge: {{allow_config: [{LENGTH}, x]}}")


def test_what_the_fleet_allows_is_written_into_the_family_too() -> None:
    """A family's section takes the place of the fleet's, field by field."""
    fleet = without_leave(read_fleet(ROOT / "fleets/news.yaml"))
    merge = {"allow_config": ("sliding_window", SCALING)}
    llama, qwen = (said for _, said in told(fleet.model_copy(update={"merge": merge})))
    for said in (llama, qwen):
        assert said.endswith(f"merge: {{allow_config: [{LENGTH}, {SCALING}, sliding_window]}}")
        assert f"{SCALING} is" not in said


def partly(fleet: Fleet, unknown: Sequence[str], **changes: object) -> list[str]:
    """Where these models' configs are not known, and that of the instruct model is changed."""
    found = known(fleet)
    for model, facts in found.items():
        if model.name in unknown:
            found[model] = ModelFacts(unanswered="the hub did not answer")
        elif model.name == "instruct":
            found[model] = ModelFacts(config={**(facts.config or {}), **changes})
    return [misfit.said for misfit in misfits(fleet, found, "/none")]


def test_what_is_not_known_is_not_refused_and_hides_nothing() -> None:
    fleet = read_fleet(ROOT / "fleets/news.yaml")
    qwen = fleet.families[1].model_copy(update={"merge": {"allow_config": ("of_another", LENGTH)}})
    fleet = fleet.model_copy(update={"families": (qwen,)})
    older = "qwen2-1.5b-base", "qwen2-1.5b-instruct"
    assert partly(fleet, ["base", "instruct", *older]) == []
    assert partly(fleet, ["instruct"]) == []
    (said,) = partly(fleet, older, num_key_value_heads=4)
    assert said.startswith(
        "the models' config.json differ: num_key_value_heads is 2 in base Qwen/Qwen2.5-1.5B, "
        "4 in instruct Qwen/Qwen2.5-1.5B-Instruct; merge models of one architecture"
    )


def test_the_vocabulary_is_compared_by_configs_where_no_more_is_known() -> None:
    fleet = read_fleet(ROOT / "fleets/news.yaml")
    qwen = fleet.families[1]
    alone = fleet.model_copy(update={"families": (qwen,)})
    (said,) = partly(alone, [], vocab_size=152064)
    assert said == (
        "vocab_size is 151936 in base Qwen/Qwen2.5-1.5B, 152064 in instruct "
        "Qwen/Qwen2.5-1.5B-Instruct; merge: {vocabulary: extend} takes the rows from where they are"
    )
    leave = qwen.model_copy(update={"merge": {**qwen.merge, "vocabulary": "extend"}})
    assert partly(fleet.model_copy(update={"families": (leave,)}), [], vocab_size=152064) == []


LLAMA_3, LLAMA_3_1 = "meta-llama/Meta-Llama-3-8B", "meta-llama/Llama-3.1-8B"
QWENS = [f"Qwen/Qwen{version}-{size}" for size in ("0.5B", "1.5B", "7B") for version in (2, 2.5)]
# Every residual of the paper, and what receives it.
PAPER = [
    *((base, onto) for base in (LLAMA_3, LLAMA_3_1) for onto in (LLAMA_3, LLAMA_3_1)),
    *((base, "cerebras/Llama3-DocChat-1.0-8B") for base in (LLAMA_3, LLAMA_3_1)),
    *(pair for one in range(0, 6, 2) for pair in itertools.product(QWENS[one : one + 2], repeat=2)),
]


@pytest.mark.parametrize(("base", "onto"), PAPER)
def test_every_merge_of_the_paper_needs_leave_for_harmless_fields_only(
    base: str, onto: str
) -> None:
    names = {"base": base, "instruct": f"{base}-Instruct", "onto": onto}
    differ = check_configs({role: CONFIGS[name] for role, name in names.items()}, [LENGTH, SCALING])
    lengths = {CONFIGS[name][LENGTH] for name in names.values()}
    scaled = {CONFIGS[name].get(SCALING) is not None for name in names.values()}
    assert list(differ) == [LENGTH] * (len(lengths) > 1) + [SCALING] * (len(scaled) > 1)


@pytest.mark.parametrize(("one", "other"), [*itertools.combinations(QWENS[::2], 2)])
def test_a_residual_across_sizes_is_refused(one: str, other: str) -> None:
    fleet = read_fleet(ROOT / "fleets/news.yaml")
    qwen = fleet.families[1]
    wrong = qwen.base.model_copy(update={"source": one})
    right = qwen.instruct.model_copy(update={"source": f"{other}-Instruct"})
    family = qwen.model_copy(update={"base": wrong, "instruct": right, "siblings": ()})
    ((where, said),) = told(fleet.model_copy(update={"families": (family,)}))
    assert where == "families.0"
    sizes = CONFIGS[one]["hidden_size"], CONFIGS[other]["hidden_size"]
    assert f"hidden_size is {sizes[0]} in base {one}, {sizes[1]} in instruct {other}" in said
    assert "merge models of one architecture ('hidden_size', " in said
