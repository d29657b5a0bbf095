"""The command that makes an artifact again, from the settings and inputs in its manifest."""

from collections.abc import Mapping, Sequence

from jobs.artifacts.folders import is_plain_digest
from jobs.artifacts.manifest import Manifest, find_manifest
from jobs.command.help import flag_text
from jobs.command.settings import JobSettings, role
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix
from jobs.store.source import place_of
from jobs.words import nearest, shown
from pipelines.fleet.sections import JOBS
from pipelines.local.tags import altered
from pipelines.reproduce.choosing import Made

NEWS_SERVER = "ccnews-server"

Given = Mapping[str, Mapping[str, str]]
"""Job → flag → text, of the user's own."""


class SkippedError(Exception):
    """It is not made again; says why."""


def read_given(texts: Sequence[str]) -> dict[str, dict[str, str]]:
    """What ``-p train-processes=2`` sets: how something is made, never what.

    Raises BadInputError.
    """
    known = {
        f"{job}-{flag}": (job, flag)
        for job, settings in JOBS.items()
        if issubclass(settings, JobSettings)
        for flag, field in settings.flags().items()
        if (marked := role(field)) and marked.operational
        and flag.replace("-", "_") not in settings.only_here
    }  # fmt: skip
    given: dict[str, dict[str, str]] = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator:
            raise BadInputError(f"--parameter {shown(text)} is wrong: expected NAME=VALUE")
        if key not in known:
            raise BadInputError(
                f"--parameter {shown(text)} is wrong: it does not say how a job works, and what it "
                f"makes is as recorded; {nearest(key, sorted(known))}"
            )
        job, flag = known[key]
        given.setdefault(job, {})[flag] = value
    return given


def command(made: Made, out: str, given: Given, *, is_named: bool) -> list[str]:
    """The argv that makes it again at `out`. Raises SkippedError.

    What would be fetched from the network again is so only where it `is_named`, or where the
    address of the news server is given.
    """
    manifest, job = made.artifact.manifest, made.job
    settings = JOBS.get(job)
    if settings is None or not issubclass(settings, JobSettings):
        raise SkippedError(f"it was made by {shown(job)}, which is no job of this perennial")
    recorded = {
        **manifest.settings, **manifest.operation, **_source(manifest), **_inputs(made)
    }  # fmt: skip
    texts = {
        (field.alias or name).replace("_", "-"): flag_text(recorded[name])
        for name, field in settings.model_fields.items()
        if name in recorded
    }
    texts |= {**given.get(job, {}), "out": out}
    if not is_named and NEWS_SERVER not in given.get(job, {}):
        _refuse_network(job, texts)
    arguments = [f"--{flag}={text}" for flag, text in texts.items() if text]
    if odd := next((word for word in arguments if altered(word)), None):
        raise SkippedError(
            f"{shown(odd)} has {altered(odd)!a}, which no workflow hands on as it is"
        )
    try:
        settings.from_flags(arguments)
    except BadInputError as error:
        raise SkippedError(f"this perennial's {job} does not take its settings: {error}") from error
    return ["python", "-m", f"jobs.{job}", *arguments]


def _source(manifest: Manifest) -> dict[str, str]:
    """The folder or bucket that was read, or the commit that a revision stood for."""
    told = {name: manifest.statistics.get(name) for name in ("source", "revision")}
    if not is_plain_digest(manifest.settings.get("source")):
        return {"revision": told["revision"]} if isinstance(told["revision"], str) else {}
    if not isinstance(told["source"], str):
        raise SkippedError("it was read from a folder whose path was not recorded")
    if place_of(told["source"]) is None:
        raise SkippedError(f"it was read from {shown(told['source'])}, which is no folder here")
    return {"source": told["source"]}


def _inputs(made: Made) -> dict[str, str]:
    """Setting → URI of what it was made from, all of which must be as it was."""
    inputs = made.artifact.manifest.inputs
    for item in inputs.values():
        found = find_manifest(Prefix(item.uri))
        if found is None:
            raise SkippedError(f"it was made from {item.uri}, which is gone")
        if found.digest != item.digest:
            raise SkippedError(f"it was made from {item.uri}, which is another now")
    if made.job == "report":  # it reads all that lies beside it
        return {"run": made.artifact.uri.rpartition("/")[0]}
    return {name: item.uri for name, item in inputs.items()}


def _refuse_network(job: str, texts: Mapping[str, str]) -> None:
    if job == "crawl":
        raise SkippedError(
            f"it reads the news again; give -p crawl-{NEWS_SERVER}=URL, or name the step"
        )
    if job in ("ingest", "bundle") and place_of(texts.get("from", "")) is None:
        raise SkippedError("it is fetched from the hub again; name the step")
