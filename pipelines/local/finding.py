"""Which runs and steps a person means."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import BadInputError
from jobs.words import nearest, shown
from pipelines.local.folder import LATEST, RunFolder
from pipelines.local.record import RunRecord, StepRecord


@dataclass(frozen=True)
class Found:
    """A run of this machine."""

    folder: RunFolder
    record: RunRecord

    def is_running(self) -> bool:
        """Its engine is there; without it and without an end, it was killed."""
        return self.record.ended is None and self.folder.is_held()


def find_run(work: Path, name: str | None) -> Found:
    """The run of this name, or of this folder below `work`; the one that began last of several.

    Without a name the one that began last of all. Raises BadInputError where there is none.
    """
    folders = sorted(path.parent for path in work.glob("*/run.json") if path.parent.name != LATEST)
    if not folders:
        raise BadInputError(
            f"no runs below {work}; start one with perennial run, or name its --work"
        )
    found = [Found(RunFolder(path), read_record(RunFolder(path))) for path in folders]
    if name is not None:
        known = sorted({one.record.run for one in found})
        found = [one for one in found if name in (one.record.run, one.folder.path.name)]
        if not found:
            raise BadInputError(f"no run {shown(name)} below {work}; {nearest(name, known)}")
    return max(found, key=lambda one: one.record.begun)


def read_record(folder: RunFolder) -> RunRecord:
    """Raises BadInputError for a record that is none."""
    try:
        data = folder.record.read_bytes()
    except OSError as error:
        raise BadInputError(f"{folder.record} cannot be read: {error.strerror}") from error
    return RunRecord.parse(data, f"{folder.record} is no record of a run")


def find_step(steps: Sequence[StepRecord], name: str) -> StepRecord:
    """The step of this name, or the only one whose name ends with it: ``train``, ``pico/train``.

    Raises BadInputError where there is none, or more than one.
    """
    known = [step.name for step in steps]
    if name in known:
        return steps[known.index(name)]
    ending = [step for step in steps if step.name.endswith(f"/{name.strip('/')}")]
    if not ending:
        raise BadInputError(f"no step {shown(name)} in this run; {nearest(name, _all_ends(known))}")
    if len(ending) > 1:
        which = ", ".join(step.name for step in ending)
        raise BadInputError(f"{shown(name)} may be one of several steps: {which}; name one of them")
    return ending[0]


def _all_ends(names: Sequence[str]) -> list[str]:
    """What a step can be called by: its whole name, and its last word."""
    return [*names, *dict.fromkeys(name.rpartition("/")[2] for name in names)]
