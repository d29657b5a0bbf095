"""What a URI with a typo was meant to be: ``s3:/bucket/x`` names a bucket, no folder ``./s3:``.

Included: what a person writes who means a bucket (one slash or none, another's scheme, capitals,
backslashes, blanks), and what only a shell would have put in (``~``, ``$HOME``). Not included:
whether the bucket is there.
"""

import re
import unicodedata
from urllib.parse import unquote

from jobs.words import shown

REMOTE_SCHEMES = ("s3", "gs", "az")
BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

# What others call the schemes that are known here, where a colon tells that one is meant.
_MEANT = {
    **{name: name for name in (*REMOTE_SCHEMES, "file")},
    "s3a": "s3", "s3n": "s3", "aws": "s3", "minio": "s3", "r2": "s3",
    "gcs": "gs", "google": "gs",
    "azure": "az", "abfs": "az", "abfss": "az", "wasb": "az", "wasbs": "az", "adl": "az",
}  # fmt: skip
_NO_FOLDERS = frozenset({*REMOTE_SCHEMES, "gcs", "s3a", "s3n"})
"""Names that are meant as a scheme also where no colon stands: ``s3/bucket``, ``s3``."""
_NO_ALPHANUMERIC = re.compile(r"[^a-z0-9]")
_MARKS = " \t'\"<>:/\\"
"""What stands around a URI by mistake, or between its scheme and its bucket."""


def why_no_path(path: str) -> str:
    """Why a text without ``://`` is no folder that one may make: what it looks like; else "".

    An absolute path is one, and so is whatever begins with ``./`` or ``../``.

    >>> why_no_path("s3:/bucket/x")
    'looks like a URI; write s3://bucket/x, or ./s3:/bucket/x for a folder of this name'
    >>> why_no_path("./s3:/x"), why_no_path("/data/a:b"), why_no_path("store")
    ('', '', '')
    """
    if path.startswith("//"):
        return f"begins with //; write {shown('/' + path.lstrip('/'))[1:-1]}"
    if path.startswith(("/", "./", "../")) or path in (".", ".."):
        return ""
    folder = f"or {shown('./' + path)[1:-1]} for a folder of this name"
    if path[0] in "~$%":
        return f"begins with {path[0]}, which only a shell replaces; write it out, {folder}"
    if path != path.strip():
        return f"begins or ends with a blank; leave it out, {folder}"
    if not _looks_like_a_scheme(path):
        return ""
    return f"looks like a URI; {meant_by(path)}, {folder}"


def meant_by(uri: str) -> str:
    """The right spelling of what looks like a URI, as a fix.

    >>> meant_by("S3://bucket/x"), meant_by("gcs:bucket")
    ('write s3://bucket/x', 'write gs://bucket')
    >>> meant_by("ftp://host/x")
    'write s3://bucket/prefix, gs://…, az://…, file:///folder or a path'
    """
    text = _plain(uri)
    scheme, rest = _parted(text)
    known = _MEANT.get(_NO_ALPHANUMERIC.sub("", scheme.lower()))
    rest = rest.strip(_MARKS)
    if known == "file":
        return f"write file:///{_printed(rest or 'folder')}"
    if known and "@" not in rest:
        return f"write {known}://{_printed(rest or 'bucket/prefix')}"
    return "write s3://bucket/prefix, gs://…, az://…, file:///folder or a path"


def _looks_like_a_scheme(path: str) -> bool:
    """Whether the first step has a colon, is followed by two slashes, or is a scheme's name."""
    text = _plain(path)
    first, _, rest = text.partition("/")
    if ":" in first or rest.startswith("/") or "\\" in path:
        return True
    return _NO_ALPHANUMERIC.sub("", first.lower()) in _NO_FOLDERS


def _parted(text: str) -> tuple[str, str]:
    """What stands where a scheme would, and the rest."""
    found = re.match(r"[^:/]*", text)
    assert found
    return found[0], text[found.end() :]


def _plain(path: str) -> str:
    """With slashes for backslashes, and letters for what stands for them (%3A, fullwidth)."""
    return unicodedata.normalize("NFKC", unquote(path)).replace("\\", "/")


def _printed(rest: str) -> str:
    return shown(rest)[1:-1]
