"""A model in a folder, as ingest will have it in the store: for whoever reads headers only."""

from collections.abc import Iterable
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path

from jobs.artifacts.hashing import ALGORITHM, digest_of_path
from jobs.artifacts.manifest import File, Manifest, Producer
from jobs.artifacts.reading import Artifact
from jobs.kinds.model import CONFIG, INDEX, SINGLE
from jobs.kinds.vocabulary import FILES, TOKENIZER
from jobs.store.prefix import Prefix
from pipelines.plan.hub import WEIGHTS

_READ_WHOLE = (CONFIG, INDEX, *FILES)
_UNREAD = "0" * 64


def model_in_folder(folder: Path) -> Artifact | None:
    """None where it is not clear yet which files ingest will make a model of.

    Its config and tokenizer can be read, and ranges of its weights, which have no digests. Costs
    a reading of the tokenizer.
    """
    try:
        names = {path.name for path in folder.iterdir() if path.is_file()}
        if not {CONFIG, TOKENIZER} <= names or (SINGLE in names) == (INDEX in names):
            return None
        weights = {name for name in names if fnmatch(name, WEIGHTS) and name.isprintable()}
        files = _files(folder, sorted(weights | (names & set(_READ_WHOLE))))
    except OSError:  # ingest says what cannot be read
        return None
    manifest = Manifest(
        kind="model", schema_version=2, files=files, digest=_UNREAD, inputs={}, settings={},
        producer=Producer(job="plan", version="1"), statistics={}, created=datetime.now(UTC),
    )  # fmt: skip
    return Artifact(Prefix(folder), manifest)


def _files(folder: Path, names: Iterable[str]) -> tuple[File, ...]:
    return tuple(
        File(
            path=name,
            bytes=(folder / name).stat().st_size,
            digest=digest_of_path(folder / name) if name in _READ_WHOLE else _UNREAD,
            algorithm=ALGORITHM,
        )
        for name in names
    )
