"""Reads a family's run: its candidates and controls, and what each model scored."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from jobs.artifacts.manifest import MANIFEST
from jobs.artifacts.reading import Artifact
from jobs.artifacts.releases import NAME
from jobs.errors import BadInputError
from jobs.kinds.scores import BITS_PER_BYTE, HELDOUT_TASK, Results
from jobs.report.evidence.averages import Column, Score, score
from jobs.report.settings import ReportSettings
from jobs.store.prefix import Prefix
from jobs.suites import Suite
from jobs.suites.sealed import SealedSuite
from jobs.words import shown

CPT = "cpt"

# What lies below a run, and the kind of artifact that each must be.
_KINDS = {
    re.compile(r"cpt"): "model",
    re.compile(r"candidates/[^/]+"): "model",
    re.compile(r"controls/[^/]+"): "model",
    re.compile(r"scores/[^/]+/[^/]+"): "scores",
}


@dataclass
class Scored:
    """One model and all that it scored in this run."""

    name: str
    digest: str
    scores: dict[Column, Score] = field(default_factory=dict)
    bits: float | None = None
    """Bits per byte of the held-out articles."""
    num_items: dict[str, int] = field(default_factory=dict)
    """Task → items scored."""
    partial: tuple[str, ...] = ()
    """Tasks of which only the first items were scored."""


@dataclass(frozen=True)
class Run:
    """A family's run, as read."""

    uri: str
    suite: str
    columns: tuple[Column, ...]
    artifacts: Mapping[str, Artifact]
    """Everything that was found, by its path below the run."""
    models: tuple[Scored, ...]
    bundle_digest: str | None = None
    """Of the sealed items that all were scored on."""

    @property
    def family(self) -> str:
        return PurePosixPath(self.uri).name

    @property
    def name(self) -> str:
        return PurePosixPath(self.uri).parent.name

    @property
    def store(self) -> str:
        """URI of the store: what comes before ``runs/<run>/<family>``."""
        head, separator, _ = self.uri.rpartition(f"/runs/{self.name}/{self.family}")
        return head if separator else self.uri

    @property
    def candidates(self) -> dict[str, Artifact]:
        """Name → candidate."""
        return self._below("candidates/")

    @property
    def controls(self) -> dict[str, Artifact]:
        """Name → model that was made to compare with: it is never gated."""
        return self._below("controls/")

    def _below(self, folder: str) -> dict[str, Artifact]:
        return {
            path.removeprefix(folder): artifact
            for path, artifact in self.artifacts.items()
            if path.startswith(folder)
        }

    def model_of(self, digest: str) -> Scored | None:
        """The scores of the model with this digest."""
        return next((model for model in self.models if model.digest == digest), None)


def open_run(settings: ReportSettings) -> dict[str, Artifact]:
    """Every artifact of the run that the report tells of, by its path below the run."""
    prefix = Prefix(settings.run)
    found = {}
    for path, _ in sorted(prefix.list()):
        below, _, name = path.rpartition("/")
        kind = next((kind for where, kind in _KINDS.items() if where.fullmatch(below)), None)
        if kind and name == MANIFEST:
            _check_names(prefix, below)
            found[below] = Artifact.open(f"{prefix.uri}/{below}", kind)
    if not any(path.startswith("candidates/") for path in found):
        raise BadInputError(
            f"--run {prefix.uri} has no candidates/<model>/manifest.json; give the family's run "
            "(<store>/runs/<run>/<family>) whose merge is done"
        )
    return found


def _check_names(prefix: Prefix, path: str) -> None:
    """What lies there is named in the report and its files."""
    for name in path.split("/"):
        if not NAME.fullmatch(name):
            raise BadInputError(
                f"--run {prefix.uri} has a folder named {shown(name)} in {shown(path)}; names have "
                "letters, digits, dots, dashes and underscores: delete or rename it"
            )


def read_run(uri: str, artifacts: Mapping[str, Artifact]) -> Run:
    """The run with its scores. Raises BadInputError where they cannot stand side by side."""
    scores = {path: item for path, item in artifacts.items() if path.startswith("scores/")}
    if not scores:
        raise BadInputError(f"--run {uri} has no scores/<model>/<task>; run evaluate first")
    _check_comparable(scores)
    bundles = (item.manifest.inputs.get("bundle") for item in scores.values())
    scored_on = next((bundle for bundle in bundles if bundle), None)
    if scored_on is None:
        raise BadInputError(
            f"--run {uri} has no scores of a suite; run evaluate on its tasks first"
        )
    bundle = Artifact.open(scored_on.uri, "bundle")
    suite = SealedSuite.of(bundle).suite
    columns = _columns(suite)
    models: dict[str, Scored] = {}
    for path, artifact in scores.items():
        name, task = path.split("/")[1:]
        if "model" not in artifact.manifest.inputs:
            raise BadInputError(
                f"{uri}/{path} does not say which model it scored; delete it and evaluate again"
            )
        digest = artifact.manifest.inputs["model"].digest
        model = models.setdefault(name, Scored(name, digest))
        if model.digest != digest:
            raise BadInputError(
                f"{uri}/scores/{name} mixes scores of the models {model.digest[:12]} and "
                f"{digest[:12]}; delete those of the model that is no longer wanted"
            )
        _add(model, task, Results.of(artifact), columns)
    run = Run(uri, suite.name, columns, artifacts, tuple(models.values()), bundle.digest)
    for name, made in {**run.controls, **run.candidates}.items():
        if name in models and models[name].digest != made.digest:
            what = "candidate" if name in run.candidates else "control"
            raise BadInputError(
                f"{uri}/scores/{name} was made for the model {models[name].digest[:12]}, but the "
                f"{what} is now {made.digest[:12]}; delete these scores and evaluate again"
            )
    return run


def _add(model: Scored, task: str, results: Results, columns: tuple[Column, ...]) -> None:
    model.num_items[task] = results.num_items
    if results.limit is not None:
        model.partial = (*model.partial, f"{task} of {model.name} ({results.num_items} items)")
    if task == HELDOUT_TASK:
        metric = results.metrics.get(BITS_PER_BYTE)
        if metric:
            model.bits = math.nan if metric.value is None else metric.value
    for column in columns:
        if column.task == task and column.metric in results.metrics:
            metric = results.metrics[column.metric]
            value = math.nan if metric.value is None else metric.value
            model.scores[column] = score(value, metric.stderr, results.num_items)


def _check_comparable(scores: Mapping[str, Artifact]) -> None:
    """One bundle for all, and for each task the same inputs beside the model."""
    first: dict[tuple[str, str], tuple[str, str]] = {}
    for path, artifact in scores.items():
        for name, item in artifact.manifest.inputs.items():
            if name == "model":
                continue
            task = "" if name == "bundle" else path.split("/")[-1]
            other, digest = first.setdefault((task, name), (path, item.digest))
            if digest != item.digest:
                raise BadInputError(
                    f"{path} and {other} cannot be compared: their {name} differ "
                    f"({item.digest[:12]} and {digest[:12]}); evaluate both on the same {name}"
                )


def _columns(suite: Suite) -> tuple[Column, ...]:
    return tuple(
        Column(task=task.name, **column.model_dump())
        for task in suite.tasks
        for column in task.columns
    )
