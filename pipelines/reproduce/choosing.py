"""What is made again: the artifacts of a run and all that they were made from, or some of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobs.artifacts.manifest import find_manifest
from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix
from jobs.words import nearest, shown
from pipelines import layout
from pipelines.fleet.sections import JOBS
from pipelines.verify.listing import list_store


@dataclass(frozen=True)
class Made:
    """One artifact as it was made."""

    path: str
    """Below the store."""
    artifact: Artifact

    @property
    def job(self) -> str:
        return self.artifact.manifest.producer.job


def made_by_run(store: Prefix, run: str) -> list[Made]:
    """In the order of the jobs, then by path. Raises BadInputError where there is no such run.

    Included: what the run read that lies in the store. Not included: artifacts below others, such
    as the checkpoints of a training.
    """
    folder = Prefix(layout.run(store.uri, run))
    paths = list_store(folder).artifacts
    below = {path for path in paths if any(path.startswith(f"{other}/") for other in paths)}
    if not paths:
        raise BadInputError(f"--store {store.uri} has no run {shown(run)}; {_known(store, run)}")
    found: dict[str, Artifact] = {}
    waiting = [f"{folder.uri}/{path}" for path in paths - below]
    while waiting:
        uri = waiting.pop()
        path = uri.removeprefix(f"{store.uri}/")
        manifest = None if path in found or path == uri else find_manifest(Prefix(uri))
        if manifest is not None:
            found[path] = Artifact(Prefix(uri), manifest)
            waiting += [Prefix(item.uri).uri for item in manifest.inputs.values()]
    order = list(JOBS)
    made = [Made(path, artifact) for path, artifact in found.items()]
    return sorted(made, key=lambda m: (order.index(m.job) if m.job in order else -1, m.path))


def _known(store: Prefix, run: str) -> str:
    paths = list_store(Prefix(layout.runs(store.uri))).artifacts
    runs = sorted({path.split("/")[0] for path in paths})
    return nearest(run, runs) if runs else "there are no runs yet"


def chosen(made: Sequence[Made], run: str, steps: Sequence[str]) -> Mapping[str, Made]:
    """Path → what is made again: those that `steps` name, or all.

    A step is a job, or the path of an artifact, or of a folder of some, below the run or the store.
    """
    known = {name for one in made for name in _names(one, run)}
    for step in steps:
        if step.strip("/") not in known:
            hint = nearest(step, sorted(known), f"name a job ({', '.join(_jobs(made))}) or a path")
            raise BadInputError(f"run {run} has no step {shown(step)}; {hint}")
    wanted = {step.strip("/") for step in steps}
    return {one.path: one for one in made if not wanted or wanted & set(_names(one, run))}


def _jobs(made: Sequence[Made]) -> list[str]:
    return list(dict.fromkeys(one.job for one in made))


def _names(made: Made, run: str) -> Iterator[str]:
    """All by which it may be named."""
    yield made.job
    run_folder = f"{layout.run('', run)}/".lstrip("/")
    for path in {made.path, made.path.removeprefix(run_folder)}:
        steps = path.split("/")
        yield from ("/".join(steps[:end]) for end in range(1, len(steps) + 1))
