import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from jobs.errors import BadInputError
from jobs.train.settings import TrainSettings
from pipelines.fleet.reading import fleet_schema, read_fleet
from pipelines.fleet.sections import JOBS, section_fields
from tests.pipelines.conftest import WriteFleet
from tests.support.paths import ROOT

EXAMPLES = ["demo/fleet.yaml", "fleets/news.yaml"]


def test_parameters_of_the_fleet(write_fleet: WriteFleet, tmp_path: Path) -> None:
    parameters = read_fleet(write_fleet()).parameters()
    assert parameters["fleet"] == "small"
    assert parameters["bundle-from"] == str(tmp_path / "eval-data")
    assert parameters["crawl-publishers"] == "us,uk"
    assert parameters["crawl-check-training-opt-out"] == "false"
    assert parameters["crawl-processes"] == ""  # not given: the job's own default holds
    assert json.loads(parameters["tasks"]) == ["ifeval", "arc_easy", "piqa"]
    assert parameters["train-gpus"] == "8"


def test_a_family_as_an_item(write_fleet: WriteFleet, tmp_path: Path) -> None:
    pico, nano = json.loads(read_fleet(write_fleet()).parameters()["families"])
    assert pico["base-from"] == str(tmp_path / "family/base")
    assert (pico["instruct-from"], pico["instruct-revision"]) == ("owner/pico-1B-instruct", "abc")
    assert {type(value) for family in (pico, nano) for value in family.values()} == {str}
    assert json.loads(pico["others"]) == [
        {"name": "chatty", "from": "owner/chatty", "revision": ""},
        {"name": "older-base", "from": "owner/older", "revision": ""},
        {"name": "older-instruct", "from": "owner/older-instruct", "revision": ""},
    ]
    assert json.loads(pico["residuals"]) == [
        {"name": "pico-instruct", "base": "base", "instruct": "instruct"},
        {
            "name": "pico-instruct-from-older",
            "base": "older-base",
            "instruct": "older-instruct",
        },
    ]
    pair = {"base": "base", "instruct": "instruct"}
    assert json.loads(pico["derived"]) == [{"name": "chatty-instruct", **pair, "onto": "chatty"}]
    assert json.loads(pico["candidates"]) == [
        "pico-instruct",
        "pico-instruct-from-older",
        "chatty-instruct",
    ]
    assert (pico["train-epochs"], nano["train-epochs"]) == ("3", "2")
    assert pico["pack-token-budget"] == "1500000"
    assert "pack-token-budget" not in nano  # not given: the job's own default holds
    assert pico["train-learning-rate"] == "0.0003"
    assert json.loads(nano["candidates"]) == ["nano-chat"]
    assert pico["controls"] == nano["controls"] == "[]"


def test_a_control_is_asked_for_by_name(write_fleet: WriteFleet) -> None:
    parameters = read_fleet(write_fleet("name: small", "name: small\ncontrols: [s1]")).parameters()
    for family in json.loads(parameters["families"]):
        assert json.loads(family["controls"]) == ["s1"]
        assert "s1" not in json.loads(family["candidates"])


def test_what_a_family_passes_on_is_what_the_job_reads() -> None:
    """Text of a flag → setting: the very values of the fleet file."""
    fleet = read_fleet(ROOT / "demo/fleet.yaml")
    item = fleet.families[0].parameters(fleet)
    flags = ["--model=/m", "--rows=/r", "--objective=cpt", "--out=/o"]
    for name in section_fields("train"):
        flag = name.replace("_", "-")
        flags += [f"--{flag}", item.get(f"train-{flag}", "")]
    settings = TrainSettings.from_flags(flags)
    given = fleet.train
    assert given
    assert {name: getattr(settings, name) for name in given} == given


@pytest.mark.parametrize("text", ["", "- a", "just words"])
def test_what_is_no_fleet(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(text)
    with pytest.raises(BadInputError, match=r"fleet\.yaml"):
        read_fleet(path)


@pytest.mark.parametrize("path", EXAMPLES)
def test_the_examples_fit_the_published_schema(path: str) -> None:
    schema = json.loads((ROOT / "fleets/fleet.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load((ROOT / path).read_text()), schema)
    read_fleet(ROOT / path)


def test_the_schema_refuses_what_the_reader_refuses() -> None:
    fleet = yaml.safe_load((ROOT / "demo/fleet.yaml").read_text())
    validator = jsonschema.Draft202012Validator(fleet_schema())
    for section, field, value in (
        ("train", "epoch", 1), ("train", "epochs", 0), ("pack", "token_budget", "1.5 litres"),
        ("train", "objective", "sft"), ("crawl", "period", "2026-10"),
    ):  # fmt: skip
        changed = {**fleet, section: {**fleet.get(section, {}), field: value}}
        assert not validator.is_valid(changed), (section, field)
    assert validator.is_valid({**fleet, "pack": {"token_budget": "1.5M"}})


def test_every_setting_of_a_job_has_help() -> None:
    missing = [
        f"{job}.{name}"
        for job, settings in JOBS.items()
        for name, field in settings.model_fields.items()
        if not field.description
    ]
    assert missing == []


def test_the_news_fleet_is_the_papers() -> None:
    fleet = read_fleet(ROOT / "fleets/news.yaml")
    assert [family.name for family in fleet.families] == ["llama-3.1-8b", "qwen2.5-1.5b"]
    assert fleet.families[0].candidates() == [
        "llama-3.1-8b-instruct",
        "llama-3.1-8b-instruct-from-llama-3-8b",
        "llama3-docchat-1.0-8b-instruct",
    ]
    assert fleet.pack["sequence_length"] == 4096
    assert fleet.pack["token_budget"] == 100_000_000
    assert fleet.train["epochs"] == 5
    assert len(json.loads(fleet.parameters()["tasks"])) == 9
