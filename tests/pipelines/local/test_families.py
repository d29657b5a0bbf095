"""A family as a workflow of its own: what it is given, and where its steps stand."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.errors import BadInputError
from pipelines.local.folder import RunFolder
from pipelines.local.reading import read_workflow
from pipelines.local.run import Ran, run_workflow
from pipelines.workflows.refresh import FAMILY_MANIFEST
from tests.pipelines.local.conftest import HEAD, Small, declared, statuses

LOOP = "{{=toJson(map(fromJSON(workflow.parameters['families']), #.name))}}"


def made_of(manifest: str = FAMILY_MANIFEST) -> dict[str, Any]:
    return {
        "name": "family",
        "inputs": {"parameters": [{"name": name} for name in ("name", "run", "period")]},
        "resource": {
            "action": "apply",
            "manifest": manifest,
            "successCondition": "status.phase == Succeeded",
            "failureCondition": "status.phase in (Failed, Error)",
        },
    }


def family(small: Small, word: str, *given: str) -> Path:
    """The workflow of a family, which says a word."""
    task = {
        "name": "train",
        "template": "say",
        "arguments": {"parameters": [{"name": "word", "value": word}]},
    }
    spec = {
        "entrypoint": "main",
        "arguments": {"parameters": [{"name": name} for name in given]},
        "templates": [small.dag("main", [task]), small.say()],
    }
    path = small.folder / "family.yaml"
    head = HEAD.replace("small", "perennial-family")
    path.write_text(head + yaml.safe_dump({"spec": spec}, sort_keys=False))
    return path


def ran(small: Small, other: Path, families: str, **fields: Any) -> Ran:
    given = {"name": "{{item}}", "run": "run-1", "period": "2026-10"}
    values = [{"name": name, "value": value} for name, value in given.items()]
    each = {"name": "family", "template": "family", "arguments": {"parameters": values}}
    each |= {"withParam": LOOP}
    own = declared(families=families, store="/s", run="", period="")
    path = small.write([each], made_of(**fields), arguments=own)
    workflow = read_workflow(path, other)
    return run_workflow(workflow, {}, RunFolder(small.folder / "work"), 1, small.console)


TWO = '[{"name": "pico", "epochs": "2"}, {"name": "nano", "epochs": "3", "more": "x"}]'


def test_each_family_has_its_own_settings_and_the_runs(small: Small) -> None:
    tags = ("name", "epochs", "store", "run", "period")
    word = " ".join("{{workflow.parameters." + tag + "}}" for tag in tags)
    done = ran(small, family(small, word, *tags), TWO)
    assert small.said() == ["pico 2 /s run-1 2026-10", "nano 3 /s run-1 2026-10"]
    assert list(statuses(done)) == ["family/pico/train", "family/nano/train"]


def test_what_a_family_lacks_is_told_before_the_first_step(small: Small) -> None:
    with pytest.raises(BadInputError, match=r"^family/pico: parameters without a value: more$"):
        ran(small, family(small, "x", "name", "more"), TWO)
    assert not (small.folder / "work").exists()


def test_another_manifest_is_refused(small: Small) -> None:
    other = FAMILY_MANIFEST.replace("#.name not in", "#.name in")
    with pytest.raises(BadInputError, match=r"manifest: .*expected a family's Workflow"):
        ran(small, family(small, "x"), TWO, manifest=other)


def test_a_workflow_that_is_not_there_is_refused(small: Small) -> None:
    other = FAMILY_MANIFEST.replace("perennial-family", "another")
    with pytest.raises(BadInputError, match="there is no workflow 'another' beside this one"):
        ran(small, family(small, "x"), TWO, manifest=other)
