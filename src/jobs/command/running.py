"""What every job's command line does alike: settings from flags, the contract, the exit code.

A job's ``__main__`` is one call of `run_job` with its settings model and a function that does
the work. The order is: settings, inputs, "is it already there?", and only then the work, so
that a repeated job ends at once, before anything heavy is imported.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

from jobs.artifacts.manifest import ATTEMPT, Manifest, Work, find_manifest
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter, LostRaceError, tidy
from jobs.command.flags import HELP
from jobs.command.logs import OUR_LOGS, log_level, set_up_logging
from jobs.command.settings import FlagSettings, JobSettings
from jobs.command.streams import open_standard_streams
from jobs.errors import (
    EXIT_BAD_INPUT,
    EXIT_DONE,
    EXIT_STOPPED,
    FULL_DISK,
    MAKE_ROOM,
    BadInputError,
    PerennialError,
    StoppedError,
    TransientError,
)
from jobs.kinds.promises import Outputs
from jobs.libraries import cause
from jobs.stopping import STOP
from jobs.store.prefix import Prefix
from jobs.words import listed, shown

F = TypeVar("F", bound=FlagSettings)
S = TypeVar("S", bound=JobSettings)
Statistics: TypeAlias = dict[str, Any]
OUTPUTS = "PERENNIAL_OUTPUTS"
"""The variable that names the folder of a step's output parameters, a file each."""
ALREADY_DONE = "already-done"
"""A file beside those of a step's output parameters: its artifact was there, or another made it."""


@dataclass(frozen=True)
class Job(Generic[S]):
    """What the work is given: settings, the opened inputs, and the artifact to write."""

    settings: S
    inputs: Mapping[str, Artifact]
    out: ArtifactWriter


def run_job(
    settings_type: type[S],
    work: Callable[[Job[S]], Statistics],
    open_inputs: Callable[[S], Mapping[str, Artifact]] = lambda settings: settings.open_inputs(),
) -> None:
    """Runs one job by the contract and exits with its code.

    `work` writes files through ``job.out`` and returns the statistics; the commit is made here.
    """

    def body(settings: S) -> None:
        inputs = open_inputs(settings)
        job = begin(settings, inputs)
        if job is None:
            return
        started = time.monotonic()
        try:
            statistics = work(job)
            finish(job, {**statistics, "seconds": round(time.monotonic() - started, 2)})
        except (LostRaceError, PerennialError) as error:
            # Whatever went wrong, of an artifact that another has committed it is of no interest.
            if isinstance(error, PerennialError) and not job.out.lost():
                raise
            job.out.abandon()
            if begin(settings, inputs) is not None:
                raise TransientError(f"the artifact at {job.out.uri} vanished") from error

    run_command(settings_type, body)


def run_command(settings_type: type[F], body: Callable[[F], None]) -> None:
    """Runs `body` with settings from the command line; errors become one line and an exit code.

    After SIGTERM the code is 143 and after SIGINT 130, whatever came of it: libraries make other
    errors of a stop. One that comes when all is done changes nothing.
    Nothing that a library asks is ever answered: standard input is empty, of children too.
    """
    open_standard_streams()
    if any(argument in HELP for argument in sys.argv[1:]):
        print(settings_type.help(), end="")  # noqa: T201  what was asked for
        sys.exit(EXIT_DONE)
    set_up_logging()
    log = logging.getLogger(settings_type.job)
    try:
        code, said = _outcome(log, settings_type, body)
        STOP.leave()
    except StoppedError as error:  # it is raised once only
        code, said = error.exit_code, str(error)
    finally:
        STOP.leave()
    if said and not STOP.is_ended:
        log.error("%s", " ".join(said.split()))
    sys.exit(code)


def _outcome(
    log: logging.Logger, settings_type: type[F], body: Callable[[F], None]
) -> tuple[int, str]:
    """The exit code, and what there is to say about it. Raises StoppedError."""
    try:
        for ours in (log, logging.getLogger(OUR_LOGS)):
            ours.setLevel(log_level())
        STOP.listen(settings_type.job)
        body(settings_type.from_flags(sys.argv[1:]))
        STOP.check()
    except PerennialError as error:
        return _failed(str(error), error.exit_code)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL_DISK:
            why = f"no room on a disk of this machine: {cause(error)}; {MAKE_ROOM}"
            return _failed(why, EXIT_BAD_INPUT)
        if not STOP.told:
            raise
        return _failed(f"{type(error).__name__}: {error}", EXIT_STOPPED)
    return EXIT_DONE, ""


def _failed(why: str, exit_code: int) -> tuple[int, str]:
    """Where a stop came, it has the stop's code, whatever it was made into."""
    if STOP.told:
        return STOP.error().exit_code, STOP.said(why)
    return exit_code, why


def begin(settings: S, inputs: Mapping[str, Artifact]) -> Job[S] | None:
    """The job to do, or None where its artifact is there. Raises BadInputError for another's.

    Files that a setting names are read whole only to compare them with what is there; else the
    job reads them, and tells what they were (`ArtifactWriter.know`).
    """
    log = logging.getLogger(settings.job)
    prefix = Prefix(settings.out)
    found = find_manifest(prefix)
    wanted = Work(
        kind=settings.artifact_kind(),
        producer=f"{settings.job} {settings.version}",
        settings=settings.identity_at_once() if found is None else settings.identity(),
        inputs={name: artifact.as_input().identity for name, artifact in inputs.items()},
    )
    if any(ATTEMPT.fullmatch(step) for step in prefix.uri.split("/")):
        raise BadInputError(
            f"--out {prefix.uri} lies among an artifact's own files, which others tidy; choose a "
            "place beside the artifact"
        )
    if found is not None:
        if differences := found.differences(wanted):
            raise BadInputError(
                f"--out {prefix.uri} already holds another artifact: {'; '.join(differences)}; "
                "choose another --out, or delete it first"
            )
        tidy(Artifact.open(prefix.uri))
        log.info("already-done out=%s digest=%s", prefix.uri, found.digest[:12])
        write_outputs({**_outputs(settings, found, prefix.uri), ALREADY_DONE: ""})
        return None
    named = {name: artifact.as_input() for name, artifact in inputs.items()}
    writer = ArtifactWriter(prefix, wanted, named, settings.operation())
    return Job(settings, inputs, writer)


def finish(job: Job[Any], statistics: Statistics) -> Artifact:
    """Commits the artifact, says so, and writes the step's output parameters.

    Statistics that do not keep the job's promises are a bug, met before the commit.
    """
    job.settings.promises.model_validate(statistics)
    told = Outputs.model_validate(statistics).by_parameter
    if missing := set(job.settings.outputs) - {"digest", *told}:
        raise KeyError(f"{job.settings.job} does not tell its outputs {sorted(missing)}")
    artifact = job.out.commit(statistics)
    logging.getLogger(job.settings.job).info(
        "committed out=%s digest=%s %s",
        artifact.uri,
        artifact.digest[:12],
        " ".join(
            f"{k}={v}" for k, v in artifact.statistics.items() if isinstance(v, int | float | str)
        ),
    )
    write_outputs(_outputs(job.settings, artifact.manifest, artifact.uri))
    return artifact


def _outputs(settings: JobSettings, manifest: Manifest, uri: str) -> dict[str, str]:
    """The output parameters that the job declares, and no other that its manifest tells.

    Raises BadInputError where it tells not all of them.
    """
    told = {**Outputs.told(manifest.statistics, uri).by_parameter, "digest": manifest.digest}
    if missing := [name for name in settings.outputs if name not in told]:
        raise BadInputError(
            f"{uri}: statistics of its manifest lack the outputs {listed(missing)}; "
            "delete it and run its job again"
        )
    return {name: told[name] for name in settings.outputs}


def write_outputs(values: Mapping[str, str]) -> None:
    """Output parameters of the step: one file each in the folder ``PERENNIAL_OUTPUTS``, if set.

    Each file is made anew: no link that lies there is followed. Raises BadInputError where it is
    no folder to write into.
    """
    folder = os.environ.get(OUTPUTS)
    if not folder:
        return
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name, value in values.items():
            file = Path(folder) / name
            file.unlink(missing_ok=True)
            with file.open("x", encoding="utf-8") as made:
                made.write(value)
    except OSError as error:
        raise BadInputError(
            f"{OUTPUTS} {shown(folder)} takes no output parameters: {error.strerror}; name a "
            "folder to write into"
        ) from error
