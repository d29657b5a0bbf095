"""What the plan expects of a family goes along with the run, to its report."""

import json
from collections.abc import Mapping

from jobs.kinds.expected import MAX_CHARACTERS
from pipelines.plan.plan import Plan


def expecting(plan: Plan, parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters of a run, each family's with what the plan expects of it."""
    families = json.loads(parameters["families"])
    for family in families:
        text = plan.expected(family["name"]).to_text()
        family["expected"] = text if len(text) <= MAX_CHARACTERS else ""
    return {**parameters, "families": json.dumps(families)}
