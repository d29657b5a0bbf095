"""Asks what merge will ask (`jobs.fit.fitting`), and records what was found.

The settings that allow a difference decide whether there is an artifact, not what is in it, and may
be changed between runs. So the models are checked whenever the job is run; whether the artifact is
there already only saves writing it.
"""

from collections.abc import Mapping
from typing import Any

from jobs.artifacts.reading import Artifact
from jobs.check.settings import CheckSettings
from jobs.command.running import Job, Statistics
from jobs.fit.fitting import fit


class Found:
    """What the check of a job's inputs found."""

    def __init__(self) -> None:
        self.notes: dict[str, Any] = {}

    def check(self, settings: CheckSettings) -> Mapping[str, Artifact]:
        """The inputs, which fit. Raises BadInputError where they do not."""
        inputs = settings.open_inputs()
        fitting = fit(
            inputs,
            allow_config=settings.allow_config,
            extend=settings.vocabulary == "extend",
            max_bytes=settings.max_bytes,
            will_train=settings.will_train,
        )
        self.notes = {"tensors": len(fitting.tensors["onto"]), **fitting.notes}
        return inputs


def record(job: Job[CheckSettings], found: Found) -> Statistics:
    """Writes what was found; it is the statistics, too: allowed fields, renamed tokens, rows."""
    job.out.write_json("check.json", found.notes)
    return found.notes
