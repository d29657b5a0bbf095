"""Which runs and steps a person means."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import BadInputError
from jobs.words import nearest, shown
from pipelines.local.folder import LATEST, RunFolder
from pipelines.local.record import RunRecord, StepRecord
from pipelines.local.regular import open_regular

MAX_BYTES = 2**24
"""Of a record; one of 10,000 steps has 2 MB."""


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

    Without a name the one that began last of all. Raises BadInputError where there is none. What
    is wrong with a record of another run than the one that is meant is not said.
    """
    found, broken = list[Found](), dict[str, BadInputError]()
    for path in sorted(work.glob("*/run.json")):
        folder = RunFolder(path.parent)
        if folder.path.name != LATEST:
            try:
                found.append(Found(folder, read_record(folder)))
            except BadInputError as error:
                broken[folder.path.name] = error
    if name in broken or (broken and not found):
        raise broken.get(name or "", next(iter(broken.values())))
    if not found:
        says = "start one with perennial run, or name its --work"
        raise BadInputError(f"no runs below {work}; {says}")
    if name is not None:
        known = sorted({one.record.run for one in found})
        found = [one for one in found if name in (one.record.run, one.folder.path.name)]
        if not found:
            raise BadInputError(f"no run {shown(name)} below {work}; {nearest(name, known)}")
    return max(found, key=lambda one: one.record.begun)


def read_record(folder: RunFolder) -> RunRecord:
    """Raises BadInputError for a record that is none."""
    try:
        with open_regular(folder.record) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInputError(f"{folder.record} cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise BadInputError(f"{folder.record} is no record of a run: it is larger than {MAX_BYTES}")
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
        near = nearest(name, _all_ends(known), "perennial status lists them")
        raise BadInputError(f"no step {shown(name)} in this run; {near}")
    if len(ending) > 1:
        which = ", ".join(step.name for step in ending)
        raise BadInputError(f"{shown(name)} may be one of several steps: {which}; name one of them")
    return ending[0]


def _all_ends(names: Sequence[str]) -> list[str]:
    """What a step can be called by: its whole name, and its last word."""
    return [*names, *dict.fromkeys(name.rpartition("/")[2] for name in names)]
