"""The rendered files are the committed ones, are what Argo expects, and pass values as argv."""

import json
import re
from typing import Any

import jsonschema
import pytest
import yaml
from hera.workflows import models as argo

from pipelines.fleet.model import OPTIONAL
from pipelines.fleet.reading import read_fleet
from pipelines.fleet.sections import JOBS
from pipelines.workflows.placement import PLACES
from pipelines.workflows.render import rendered
from pipelines.workflows.steps import fleet_settings
from tests.support.paths import ROOT

CHART = ROOT / "charts/perennial"


def load(name: str) -> Any:
    return yaml.safe_load((CHART / "files" / name).read_text())


def templates() -> dict[str, Any]:
    """Of each job: in the refresh or in a family's workflow."""
    both = [*load("refresh.yaml")["spec"]["templates"], *load("family.yaml")["spec"]["templates"]]
    return {one["name"]: one for one in both if "container" in one and one["name"] != "images"}


def images() -> dict[str, Any]:
    """The step that starts each image once."""
    (found,) = [one for one in load("refresh.yaml")["spec"]["templates"] if one["name"] == "images"]
    return dict(found)


def parameters(name: str) -> dict[str, str | None]:
    """Those that a workflow declares, with their values."""
    listed = load(name)["spec"]["arguments"]["parameters"]
    return {parameter["name"]: parameter.get("value") for parameter in listed}


def test_the_committed_files_are_what_is_rendered_now() -> None:
    for path, text in rendered().items():
        assert (ROOT / path).read_text() == text, f"{path} is out of date: perennial render"


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("refresh.yaml", argo.WorkflowTemplate),
        ("family.yaml", argo.WorkflowTemplate),
        ("schedule.yaml", argo.CronWorkflow),
    ],
)
def test_argo_knows_every_field(name: str, model: Any) -> None:
    """Hera's models are made from Argo's OpenAPI definition: a field it lacks would get lost."""
    document = load(name)
    again = model.model_validate(document).model_dump(by_alias=True, exclude_none=True)
    assert json.loads(json.dumps(again, default=str)) == document


@pytest.mark.parametrize("job", JOBS)
def test_every_flag_is_two_elements_of_argv(job: str) -> None:
    template = templates()[job]
    flags = list(JOBS[job].flags())
    assert template["container"]["command"] == ["python", "-m", f"jobs.{job}"]
    arguments = template["container"]["args"]
    assert arguments[0::2] == [f"--{flag}" for flag in flags]
    of_fleet = fleet_settings(job)
    assert arguments[1::2] == [of_fleet.get(f) or "{{inputs.parameters." + f + "}}" for f in flags]
    inputs = {item["name"]: item.get("default") for item in template["inputs"]["parameters"]}
    required = {flag for flag, field in JOBS[job].flags().items() if field.is_required()}
    assert inputs.keys() == set(flags) - of_fleet.keys()
    assert {name for name, default in inputs.items() if default is None} == required
    assert set(inputs.values()) <= {None, ""}


def test_no_scripts_and_no_literal_images() -> None:
    assert templates().keys() == set(JOBS)
    for name, template in templates().items():
        image = template["container"]["image"]
        registry, job = "{{workflow.parameters.registry}}", f"{name}-image"
        assert image == registry + "/{{workflow.parameters." + job + "}}"


def test_every_image_is_started_before_all_else() -> None:
    asked = {one["name"]: one["image"] for one in images()["sidecars"]}
    assert asked == {name: template["container"]["image"] for name, template in templates().items()}
    first = load("refresh.yaml")["spec"]["templates"][0]["dag"]["tasks"]
    assert [task["name"] for task in first if "depends" not in task] == ["images"]


def test_every_patch_is_json_about_the_main_container_and_confines_argos() -> None:
    """As `restricted` asks, with what the pod and the main container have themselves."""
    for job in PLACES:
        patch = json.loads(templates()[job]["podSpecPatch"])
        assert [container["name"] for container in patch["containers"]] == ["main", "wait"]
        argos = [*patch["initContainers"], patch["containers"][1]]
        confined = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        assert [one["securityContext"] for one in argos] == [confined, confined]
        limits = patch["containers"][0]["resources"]["limits"]
        assert ("nvidia.com/gpu" in limits) == (job in ("train", "evaluate"))


def test_every_parameter_of_the_workflow_is_used_by_it_or_its_families() -> None:
    used = {
        name: set(
            re.findall(r"workflow\.parameters\W+([\w-]+)", (CHART / "files" / name).read_text())
        )
        for name in ("refresh.yaml", "family.yaml")
    }
    given, families = parameters("refresh.yaml"), parameters("family.yaml")
    assert given.keys() == (used["refresh.yaml"] | used["family.yaml"]) & given.keys()
    assert used["refresh.yaml"] - {"json"} <= given.keys()
    assert families.keys() == used["family.yaml"] - {"json"}
    # What a family's has no default for is what it is given.
    assert {name: value for name, value in families.items() if value is not None} == dict.fromkeys(
        OPTIONAL, ""
    )
    fleet = read_fleet(ROOT / "demo/fleet.yaml")
    own = fleet.families[0].parameters(fleet).keys()
    assert own - OPTIONAL == families.keys() - given.keys() - {"run", *OPTIONAL}
    assert not own & given.keys()


def test_every_step_is_tried_again_after_what_may_pass() -> None:
    """A vanished pod, a transient failure, a kill, a stop; not bad input (64) nor a bug (1)."""
    again = "lastRetry.status == 'Error' || asInt(lastRetry.exitCode) in [-1, 2, 75, 137, 143]"
    assert {templates()[job]["retryStrategy"]["expression"] for job in JOBS} == {again}


def test_schedule() -> None:
    spec = load("schedule.yaml")["spec"]
    assert spec["timezone"] == "Etc/UTC"
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["startingDeadlineSeconds"] >= 3600
    assert "schedule" not in spec


def test_the_charts_values_fit_their_schema() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(values, schema)
    wrong = {**values, "parameters": {"store": "/not/remote"}}
    assert not jsonschema.Draft7Validator(schema).is_valid(wrong)
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["name"] == "perennial"
