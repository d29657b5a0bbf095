"""What the plan expects of a family goes along with the run, to its report."""

import json
import os
from collections.abc import Mapping

from jobs.kinds.expected import MAX_CHARACTERS
from pipelines.fleet.model import Fleet
from pipelines.local.workflow import WorkflowTemplate
from pipelines.plan.plan import make_plan


def expecting(
    fleet: Fleet,
    workflow: WorkflowTemplate,
    parameters: Mapping[str, str],
    processes: int | None,
) -> dict[str, str]:
    """The parameters of a run on this machine, each family with what the plan expects of it."""
    plan = make_plan(fleet, workflow, parameters, processes=processes or os.cpu_count())
    families = json.loads(parameters["families"])
    for family in families:
        text = plan.expected(family["name"]).to_text()
        family["expected"] = text if len(text) <= MAX_CHARACTERS else ""
    return {**parameters, "families": json.dumps(families)}
