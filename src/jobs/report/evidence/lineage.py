"""Where the artifacts of a run came from: a walk back through the inputs of their manifests."""

from collections.abc import Iterable
from dataclasses import dataclass

from jobs.artifacts.manifest import Manifest, find_manifest
from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix

JOBS = ("crawl", "curate", "ingest", "pack", "train", "merge", "bundle", "evaluate")
"""The order in which a lineage is told."""


@dataclass(frozen=True)
class Step:
    """One artifact of the lineage. `manifest` is None where it is no longer in the store."""

    uri: str
    digest: str
    manifest: Manifest | None

    @property
    def job(self) -> str:
        return self.manifest.producer.job if self.manifest else "(gone)"


def walk(artifacts: Iterable[Artifact]) -> list[Step]:
    """The artifacts and everything that they were made from, sources first.

    An input that was deleted since stays as the digest that was recorded. Raises BadInputError
    for one that now has another digest: what was made from it is then not what it says.
    """
    steps = {item.uri: Step(item.uri, item.digest, item.manifest) for item in artifacts}
    waiting = list(steps.values())
    while waiting:
        step = waiting.pop()
        for name, item in step.manifest.inputs.items() if step.manifest else ():
            if item.uri not in steps:
                manifest = find_manifest(Prefix(item.uri))
                digest = manifest.digest if manifest else item.digest
                steps[item.uri] = Step(item.uri, digest, manifest)
                waiting.append(steps[item.uri])
            if steps[item.uri].digest != item.digest:
                raise BadInputError(
                    f"{item.uri} changed after {step.uri} was made from it (input {name!r}): "
                    f"its digest was {item.digest[:12]}, now {steps[item.uri].digest[:12]}; "
                    f"restore it, or delete {step.uri} and make it again"
                )
    return sorted(steps.values(), key=_order)


def _order(step: Step) -> tuple[int, str]:
    return JOBS.index(step.job) if step.job in JOBS else -1, step.uri
