"""Addresses that the pages link to: manifests in the same store, and models on the hub.

What a record says never becomes an address by itself: a path of the store is quoted behind
``../``, and a hub's id is taken only in its own form and with a commit.
"""

import re
from urllib.parse import quote

from jobs.artifacts.manifest import MANIFEST
from jobs.report.document import StepRecord

TO_STORE = "../../../../../"
"""From a report's file (runs/<run>/<family>/report/attempt-…/report.html) to its store."""
CARD_TO_STORE = TO_STORE + "../"
"""From a model card, which lies one folder deeper."""
HUB = "https://huggingface.co/"
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_ID = re.compile(f"{_PART}/{_PART}")
_COMMIT = re.compile("[0-9a-f]{40}")


def manifest_link(uri: str, to_store: str = TO_STORE) -> str | None:
    """Relative address of an artifact's manifest; None for one that lies outside the store.

    >>> manifest_link("articles/2026-10"), manifest_link("s3://other/x"), manifest_link("../x")
    ('../../../../../articles/2026-10/manifest.json', None, None)
    """
    parts = uri.split("/")
    if any(part in ("", ".", "..") for part in parts) or ":" in parts[0]:
        return None
    return f"{to_store}{quote(uri.encode('utf-8', 'replace'), safe='/')}/{MANIFEST}"


def hub_link(step: StepRecord) -> tuple[str, str] | None:
    """(id, address) of a model that ingest took from the hub; None for one from a folder."""
    source, commit = step.statistics.get("source"), step.statistics.get("revision")
    if step.job != "ingest" or not isinstance(source, str) or not isinstance(commit, str):
        return None
    if not _ID.fullmatch(source) or not _COMMIT.fullmatch(commit):
        return None
    return source, f"{HUB}{source}/tree/{commit}"
