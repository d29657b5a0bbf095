"""A model in a folder or bucket, as ingest will have it in the store: for whoever reads headers."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatch

from jobs.artifacts.hashing import ALGORITHM, digest_of
from jobs.artifacts.manifest import MANIFEST, File, Manifest, Producer, find_manifest
from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.model import CONFIG, INDEX, SINGLE
from jobs.kinds.vocabulary import FILES, TOKENIZER
from jobs.store.prefix import Prefix
from pipelines.plan.hub import WEIGHTS

_READ_WHOLE = (CONFIG, INDEX, *FILES)
_UNREAD = "0" * 64


def artifact_at(place: Prefix, names: Iterable[str]) -> Artifact | None:
    """The artifact that ingest takes the files of, where one lies there and no plain files.

    Raises BadInputError where it is no model.
    """
    if CONFIG in names or MANIFEST not in names:
        return None
    manifest = find_manifest(place)
    if manifest is None:
        return None
    if manifest.kind != "model":
        raise BadInputError(f"{place.uri} holds {manifest.kind!r}, expected 'model'")
    return Artifact(place, manifest)


def model_at(place: Prefix) -> Artifact | None:
    """None where it is not clear yet which files ingest will make a model of.

    Its config and tokenizer can be read, and ranges of its weights, which have no digests. Costs
    a reading of the tokenizer. Raises TransientError where a bucket does not answer.
    """
    try:
        sizes, _ = place.inside()
        if found := artifact_at(place, sizes):
            return found
        if not {CONFIG, TOKENIZER} <= sizes.keys() or (SINGLE in sizes) == (INDEX in sizes):
            return None
        weights = {name for name in sizes if fnmatch(name, WEIGHTS) and name.isprintable()}
        files = _files(place, sizes, sorted(weights | (sizes.keys() & set(_READ_WHOLE))))
    except BadInputError:  # ingest says what cannot be read
        return None
    manifest = Manifest(
        kind="model", schema_version=2, files=files, digest=_UNREAD, inputs={}, settings={},
        producer=Producer(job="plan", version="1"), statistics={}, created=datetime.now(UTC),
    )  # fmt: skip
    return Artifact(place, manifest)


def _files(place: Prefix, sizes: Mapping[str, int], names: Iterable[str]) -> tuple[File, ...]:
    return tuple(
        File(
            path=name,
            bytes=sizes[name],
            digest=digest_of(place.read(name)) if name in _READ_WHOLE else _UNREAD,
            algorithm=ALGORITHM,
        )
        for name in names
    )
