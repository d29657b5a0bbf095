"""Fleets of one store with other settings of crawl or curate: each has a place of its own."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from blake3 import blake3

from jobs.crawl.settings import CrawlSettings
from jobs.curate.settings import CurateSettings
from jobs.errors import BadInputError
from pipelines.commands.parameters import WORKFLOW, run_parameters
from pipelines.fleet.reading import read_fleet
from pipelines.fleet.sections import Section, settings_digest
from pipelines.local.reading import read_workflow
from pipelines.plan.plan import make_plan
from tests.pipelines.conftest import WriteFleet

PUBLISHERS = "  publishers: [us, uk]"
# The settings of the fleet that `write_fleet` writes, as the job keeps them, by hand.
CRAWL = {
    "publishers": ["us", "uk"],
    "check_training_opt_out": False,
    "capture_days_after": 7,
    "max_failed_archives": 0,
}
CURATE = {"min_characters": 200, "max_characters": 100_000}


def by_hand(settings: Mapping[str, object]) -> str:
    digits = blake3(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:8]
    first = "abcdefabcdefabcd"["0123456789abcdef".index(digits[0])]
    return first + digits[1:]


def test_paths_hold_the_settings(write_fleet: WriteFleet) -> None:
    crawl, curate = by_hand(CRAWL), by_hand(CURATE)
    parameters = run_parameters(read_fleet(write_fleet()), "2026-10", "/s", None, ())
    assert parameters["crawl-settings-digest"] == crawl
    steps = make_plan(read_fleet(write_fleet()), read_workflow(*WORKFLOW), parameters).steps
    inputs = {planned.step.name: planned.step.inputs for planned in steps}
    assert inputs["crawl"]["out"] == f"/s/articles/2026-10/{crawl}"
    clean = f"/s/articles-clean/2026-10/{crawl}-{curate}"
    assert inputs["curate"]["articles"] == inputs["crawl"]["out"]
    assert inputs["curate"]["out"] == inputs["family/pico/pack"]["articles"] == clean


@pytest.mark.parametrize(
    ("job", "settings", "is_same"),
    [
        ("crawl", {"publishers": ["all"]}, True),  # the default, said
        ("crawl", {"ccnews_server": "http://127.0.0.1:8000/"}, True),
        ("crawl", {"processes": 8, "retry_seconds": 1.0, "min_bytes_per_second": 1}, True),
        ("crawl", {"publishers": ["us"]}, False),
        ("crawl", {"check_training_opt_out": False}, False),
        ("crawl", {"capture_days_after": 8}, False),
        ("crawl", {"max_failed_archives": 1}, False),
        ("curate", {"min_characters": 200}, True),
        ("curate", {"min_characters": 201}, False),
        ("curate", {"max_characters": 200}, False),
    ],
)
def test_what_makes_a_difference(job: str, settings: Section, is_same: bool) -> None:
    digest = settings_digest(job, settings)
    assert (digest == settings_digest(job, {})) == is_same
    assert digest[0] in "abcdef", "no reader of YAML takes it for a number"


@pytest.mark.parametrize(
    ("given", "renewed"),
    [
        ([], set()),
        (["crawl-ccnews-server=http://127.0.0.1:1/", "crawl-processes=2"], set()),
        (["crawl-publishers=us,uk", "curate-min-characters=200"], set()),  # as the fleet has it
        (["crawl-publishers=us"], {"crawl-settings-digest"}),
        (["curate-min-characters=1"], {"curate-settings-digest"}),
        (["crawl-capture-days-after=0", "curate-max-characters=999"],
         {"crawl-settings-digest", "curate-settings-digest"}),
    ],
)  # fmt: skip
def test_settings_by_parameter_renew_their_digest(
    write_fleet: WriteFleet, given: list[str], renewed: set[str]
) -> None:
    fleet = read_fleet(write_fleet())
    before, after = fleet.parameters(), run_parameters(fleet, "2026-10", "/s", None, given)
    assert {key for key in before if key.endswith("-digest") and before[key] != after[key]} == (
        renewed
    )


def test_a_setting_without_its_digest_is_refused_with_what_to_give() -> None:
    """As with `argo submit -p`, which leaves the digest as it was."""
    stale, right = by_hand(CRAWL), by_hand({**CRAWL, "publishers": ["us"]})
    flags = ["--period=2026-10", "--out=/x", "--check-training-opt-out=false"]
    with pytest.raises(BadInputError) as caught:
        CrawlSettings.from_flags([*flags, "--publishers=us", f"--settings-digest={stale}"])
    assert str(caught.value) == (
        f"--settings-digest '{stale}' is of other settings than these, whose digest is {right}; "
        f"with the workflow's parameters, give also -p crawl-settings-digest={right}"
    )
    CrawlSettings.from_flags([*flags, "--publishers=us", f"--settings-digest={right}"])
    with pytest.raises(BadInputError, match="give also -p curate-settings-digest="):
        CurateSettings.from_flags(["--articles=/a", "--out=/x", "--settings-digest=a"])


def test_two_fleets_crawl_the_same_month_into_one_store(
    write_fleet: WriteFleet, tmp_path: Path
) -> None:
    def outs(old: str, new: str) -> dict[str, str]:
        fleet = read_fleet(write_fleet(old, new))
        parameters = run_parameters(fleet, "2026-10", str(tmp_path), None, ())
        steps = make_plan(fleet, read_workflow(*WORKFLOW), parameters).steps
        return {planned.step.name: planned.step.inputs.get("out", "") for planned in steps}

    one, two = outs("", ""), outs(PUBLISHERS, "  publishers: [de]")
    assert {name for name in one if one[name] != two[name]} == {"crawl", "curate"}
    three = outs("pack:", "curate: {min_characters: 1}\n\npack:")
    assert {name for name in one if one[name] != three[name]} == {"curate"}
