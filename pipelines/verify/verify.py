"""Verifies a store: files, manifests, lineage, release records; one finding for each thing.

The store is listed once. Manifests are read, and with `deep` all files, by some threads, each of
which holds two pieces of a file (16 MiB) at most. What is held of the store is its listing and the
manifests.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

from jobs.artifacts.manifest import MANIFEST, find_manifest
from jobs.artifacts.reading import Artifact
from jobs.artifacts.verifying import Fault, wrong_digest, wrong_sizes
from jobs.errors import BadInputError
from jobs.numbers import num_bytes
from jobs.store.prefix import Prefix
from pipelines.verify.findings import Finding, Kind, wrong
from pipelines.verify.lineage import Lineage
from pipelines.verify.listing import Listing, list_store

REMOTE_WORKERS = 16
"""Requests at a time; of a folder, one reader a core."""

Watch = Callable[[int, int], None]
"""Told of the bytes that were read since, and of all that there are to read."""


@dataclass(frozen=True)
class Verified:
    """What was looked at, and what was found: what is wrong first, each kind by its place."""

    findings: tuple[Finding, ...]
    num_artifacts: int
    num_files: int
    num_bytes: int
    num_models: int
    """That have release records."""

    @property
    def num_wrong(self) -> int:
        return sum(finding.kind is Kind.WRONG for finding in self.findings)


def verify(store: Prefix, *, deep: bool, watch: Watch) -> Verified:
    """Raises BadInputError where there is nothing to verify."""
    listing = list_store(store)
    if not (listing.artifacts or listing.attempts or listing.models):
        raise BadInputError(f"{store.uri} holds no artifact; name a store, as s3://bucket/prefix")
    paths = sorted(listing.artifacts)
    found: list[Finding] = []
    artifacts: dict[str, Artifact] = {}
    workers = REMOTE_WORKERS if store.folder is None else os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        opened = pool.map(lambda path: _open(store, path), paths)
        for path, artifact in zip(paths, opened, strict=True):
            if isinstance(artifact, Artifact):
                artifacts[path] = artifact
            else:
                found.append(artifact)
        faults = [*_sizes(artifacts, listing)]
        if deep:
            faulty = {fault.uri for fault in faults}
            faults += _digests(artifacts.values(), faulty, pool, watch)
    found += [wrong(_below(store, fault.uri), fault.what, fault.fix) for fault in faults]
    lineage = Lineage(store, artifacts, listing.artifacts)
    found += [*lineage.inputs(), *lineage.releases(listing.models), *_rest(listing, artifacts)]
    order = list(Kind)
    files = [file for artifact in artifacts.values() for file in artifact.manifest.files]
    return Verified(
        findings=tuple(sorted(found, key=lambda one: (order.index(one.kind), one.where, one.what))),
        num_artifacts=len(paths),
        num_files=len(files),
        num_bytes=sum(file.bytes for file in files),
        num_models=len(listing.models),
    )


def _open(store: Prefix, path: str) -> Artifact | Finding:
    """The artifact by its manifest alone, or what is wrong with that."""
    try:
        prefix = store / path if path else store
        manifest = find_manifest(prefix)
    except BadInputError as error:
        what, fix = str(error), "bring it back from a copy, or delete it and run its job again"
        return wrong(path or ".", what.removeprefix(f"{store.uri}/"), fix)
    if manifest is None:
        return wrong(path or ".", f"its {MANIFEST} vanished meanwhile", "verify again")
    return Artifact(prefix, manifest)


def _sizes(artifacts: Mapping[str, Artifact], listing: Listing) -> Iterator[Fault]:
    for path, artifact in artifacts.items():
        attempt = artifact.manifest.attempt
        present = listing.files(path, attempt, artifact.paths)
        yield from wrong_sizes(artifact, present)
        if left := {name: size for name, size in present.items() if name not in artifact}:
            at = f"{path}/{attempt}".lstrip("/")
            listing.others |= {f"{at}/{name}": size for name, size in left.items()}


def _digests(
    artifacts: Iterable[Artifact], faulty: set[str], pool: Executor, watch: Watch
) -> Iterator[Fault]:
    """Of all files but those whose sizes are wrong; the largest are begun first."""
    files = [
        (artifact, path)
        for artifact in artifacts
        for path in artifact.paths
        if f"{artifact.place.uri}/{path}" not in faulty
    ]
    files.sort(key=lambda file: -file[0].size(file[1]))
    total = sum(artifact.size(path) for artifact, path in files)

    def check(file: tuple[Artifact, str]) -> Fault | None:
        artifact, path = file
        try:
            return wrong_digest(artifact, path, lambda count: watch(count, total))
        except BadInputError as error:
            where = f"{artifact.place.uri}/{path}"
            return Fault(where, str(error), "look at the store, and verify again")

    return (fault for fault in pool.map(check, files) if fault)


def _rest(listing: Listing, readable: Collection[str]) -> Iterator[Finding]:
    """What no manifest names; of one that cannot be read nothing is known."""
    for (artifact, attempt), files in listing.attempts.items():
        if artifact in listing.artifacts and artifact not in readable:
            continue
        what = f"{len(files)} file{'s' * (len(files) != 1)}, {num_bytes(sum(files.values()))}"
        after = (
            "its job tidies it when it runs again"
            if artifact in listing.artifacts
            else ("not committed; its job goes on from it, or tidies it, when it runs again")
        )
        yield Finding(Kind.UNFINISHED, f"{artifact}/{attempt}".lstrip("/"), f"{what}; {after}")
    for path, size in listing.others.items():
        yield Finding(Kind.OTHER, path, f"{num_bytes(size)}, of no artifact and no release")


def _below(store: Prefix, uri: str) -> str:
    return uri.removeprefix(f"{store.uri}/")
