"""What artifacts were made from, and what releases stand for: is it there, and is it the same?"""

from collections.abc import Collection, Iterator, Mapping

from jobs.artifacts.manifest import MANIFEST, Input
from jobs.artifacts.reading import Artifact
from jobs.artifacts.releases import records_of
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix
from jobs.words import shown
from pipelines.verify.findings import Finding, Kind, wrong
from pipelines.verify.listing import RELEASES


class Lineage:
    """The artifacts of a store by their paths; those in `present` may not all be readable."""

    def __init__(
        self, store: Prefix, artifacts: Mapping[str, Artifact], present: Collection[str]
    ) -> None:
        self._store, self._artifacts, self._present = store, artifacts, present

    def inputs(self) -> Iterator[Finding]:
        """Of each artifact. What is gone or outside is said once, with how many came from it."""
        absent: dict[Finding, int] = {}
        for path, artifact in self._artifacts.items():
            for name, item in artifact.manifest.inputs.items():
                finding = self._changed(path, f"input {shown(name)}", item) or self._absent(item)
                if finding and finding.kind is not Kind.WRONG:
                    absent[finding] = absent.get(finding, 0) + 1
                elif finding:
                    yield finding
        for finding, number in absent.items():
            made = f"{number} artifact{'s were' if number > 1 else ' was'} made from it"
            yield Finding(finding.kind, finding.where, f"{finding.what}; {made}")

    def releases(self, models: Collection[str]) -> Iterator[Finding]:
        """Of each record: its place, and whether candidate and report are there.

        What a former record stood for may have been deleted, what the current one stands for not.
        """
        folder = self._store / RELEASES
        for model in sorted(models):
            try:
                records = records_of(folder, model)
            except BadInputError as error:
                yield Finding(Kind.WRONG, f"{RELEASES}/{model}", str(error))
                continue
            for record in records:
                where = f"{RELEASES}/{model}/{record.number:06d}.json"
                for name in ("candidate", "report"):
                    item = getattr(record, name)
                    absent = self._absent(item)
                    if absent and absent.kind is Kind.GONE and record is records[-1]:
                        what = f"its {name} {absent.where} is not there"
                        fix = "bring it back from a copy, or release another candidate"
                        yield wrong(where, what, fix)
                    elif finding := self._changed(where, name, item) or absent:
                        yield finding

    def _changed(self, path: str, name: str, item: Input) -> Finding | None:
        there = self._artifacts.get(self._below(item.uri) or "")
        if there is None or there.digest == item.digest:
            return None
        what = f"{name} {self._below(item.uri)} was {item.digest[:12]}, now {there.digest[:12]}"
        return wrong(path, what, "bring back the one that it was, or delete this and make it again")

    def _absent(self, item: Input) -> Finding | None:
        path = self._below(item.uri)
        if path is None:
            return Finding(Kind.OUTSIDE, item.uri, "another store's; not looked at")
        if path in self._present:
            return None
        return Finding(Kind.GONE, path, f"no {MANIFEST} there; its digest was {item.digest[:12]}")

    def _below(self, uri: str) -> str | None:
        """The path below the store, or None."""
        start = f"{self._store.uri}/"
        return uri.removeprefix(start) if uri.startswith(start) else None
