"""Where a record says that an artifact lies: relative to the record, where both are of one store.

So the records of a store hold wherever it is copied to, as a folder or object by object. What lies
elsewhere is recorded by its URI.

    <store>/runs/news-2026-10/pico/cpt/manifest.json names ../../../../models/pico/base

A relative place is steps up (``..``) and then names; or ``.`` and then names. It never leads out of
the store of its record, so never out of a bucket. Anybody who can write to the store may have
written it: any other form is refused.
"""

import posixpath
import re

from jobs.words import shown

TOPS = ("models", "eval-data", "articles", "articles-clean", "runs", "releases")
"""What lies at the top of a store (`pipelines.layout`)."""
_ROOT = re.compile(r"[a-z0-9]+://[^/]*|(?=/)")
"""Of a whole URI: a bucket, or nothing before the folder's path."""


def store_of(uri: str) -> str:
    """The store that a place is of: what comes before its first step that `TOPS` names.

    A job run by hand may write anywhere; its store is the folder around the artifact.

    >>> store_of("s3://bucket/news/runs/news-2026-10/pico/cpt"), store_of("/data/clean")
    ('s3://bucket/news', '/data')
    """
    root, steps = _split(uri)
    top = next((number for number, step in enumerate(steps) if step in TOPS), len(steps) - 1)
    return "/".join([root, *steps[: max(top, 0)]])


def recorded(uri: str, at: str) -> str:
    """How a record in the folder `at` names `uri`; both in their one spelling.

    >>> recorded("/data/models/pico/base", "/data/runs/x"), recorded("s3://b/models/m", "/data/x")
    ('../../models/pico/base', 's3://b/models/m')
    """
    store = f"{store_of(at)}/"
    if not uri.startswith(store):
        return uri
    path = posixpath.relpath(uri.removeprefix(store), at.removeprefix(store))
    path = path if path.startswith("../") else f"./{path}"
    try:
        is_same = placed(path, at) == uri
    except ValueError:
        is_same = False  # an odd key of a bucket, with an empty step say
    return path if is_same else uri


def placed(said: str, at: str) -> str:
    """The URI that a record in the folder `at` means. Raises ValueError.

    >>> placed("../../models/pico/base", "s3://bucket/news/runs/x")
    's3://bucket/news/models/pico/base'
    """
    if is_whole(said):
        return said
    steps = said.split("/")
    ups = next((number for number, step in enumerate(steps) if step != ".."), len(steps))
    names = steps[ups:] if ups else steps[1:]
    if not (ups or steps[0] == ".") or not names or not all(map(_is_name, names)):
        raise ValueError(
            f"{shown(said)} names no place; expected a whole URI, or steps up (..) and then names"
        )
    root, around = _split(at)
    uri = "/".join([root, *around[: max(0, len(around) - ups)], *names])
    if ups > len(around) or not uri.startswith(f"{store_of(at)}/"):
        raise ValueError(f"{shown(said)} leads out of the store")
    return uri


def is_whole(said: str) -> bool:
    """Whether it names a place by itself."""
    return _ROOT.match(said) is not None


def _split(uri: str) -> tuple[str, list[str]]:
    found = _ROOT.match(uri)
    root = found[0] if found else ""
    return root, [step for step in uri.removeprefix(root).split("/")[1:] if step]


def _is_name(step: str) -> bool:
    return step not in ("", ".", "..") and "\\" not in step and step.isprintable()
