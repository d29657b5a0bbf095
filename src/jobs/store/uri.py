"""URIs of the store, and addresses of servers, in one spelling and without secrets.

They are printed, recorded in manifests and passed through a cluster's objects; so neither may hold
a user name, a password or a query (which is where signatures stand).

A URI with a typo must never become a folder, into which a run then writes for days: whatever looks
like a scheme is one (`jobs.store.spelling`). Folders of such names are given as ``./name``.
"""

import os
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from jobs.errors import BadInputError
from jobs.store.spelling import BUCKET, REMOTE_SCHEMES, meant_by, why_no_path
from jobs.words import invisible, shown

CREDENTIALS = (
    "credentials belong in the environment or a profile "
    "(on a cluster, in the Secret that the chart's store.secret names)"
)


def normal_uri(uri: str) -> str:
    """The one spelling of a URI: folders as absolute paths, no slash at the end.

    Raises BadInputError for what names no place, or more than a place.

    >>> normal_uri("s3://bucket/prefix/")
    's3://bucket/prefix'
    >>> normal_uri("file:///tmp/store")
    '/tmp/store'
    """
    try:
        return _normal(uri)
    except ValueError as error:
        raise BadInputError(f"URI {shown(uri)} {error}") from error


def check_uri(uri: str) -> str:
    """The one spelling of a URI. Raises ValueError, as a validator of settings."""
    return _normal(uri)


def local_folder(path: Path) -> Path:
    """A folder of this machine, as it is given. Raises BadInputError for what is rather a URI."""
    if why := why_no_path(str(path)):
        raise BadInputError(f"the folder {shown(str(path))} {why}")
    return path


def http_address(url: str) -> str:
    """The address of a server, as it is given. Raises ValueError, as a validator of settings."""
    _refuse_odd_characters(url)
    parts = _split(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected http://host/ or https://host/")
    return url


def _normal(uri: str) -> str:
    _refuse_odd_characters(uri)
    scheme, separator, _ = uri.partition("://")
    if not separator:
        if not uri:
            raise ValueError("is empty; give s3://bucket/prefix, file:///folder or a path")
        if why := why_no_path(uri):
            raise ValueError(why)
        return _absolute(uri)
    if scheme not in (*REMOTE_SCHEMES, "file"):
        raise ValueError(f"has the unknown scheme {shown(scheme)}; {meant_by(uri)}")
    parts = _split(uri)
    steps = unquote(parts.path).split("/")
    if scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise ValueError(f"names a host; {meant_by(uri)}")
        return _absolute("/" + unquote(parts.path).strip("/"))
    if not parts.netloc:
        raise ValueError(f"names no bucket; {meant_by(uri)}")
    if not BUCKET.fullmatch(parts.netloc):
        raise ValueError(
            f"has a bucket of the name {shown(parts.netloc)}; expected letters, digits, dots, _ "
            "and -"
        )
    if "." in steps or ".." in steps:
        raise ValueError("has a step . or .., which another reader takes for another place")
    return uri.rstrip("/")


def _split(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        raise ValueError("cannot be read as host:port/path") from None  # its error quotes passwords
    if "@" in parts.netloc:
        raise ValueError(f"holds a user name or password; {CREDENTIALS}")
    if "?" in uri or "#" in uri:
        raise ValueError(f"has a query or fragment, which means nothing here; {CREDENTIALS}")
    return parts


def _refuse_odd_characters(uri: str) -> None:
    if odd := invisible(uri):
        raise ValueError(f"has the character {odd!a}, which cannot be shown")
    if "{{" in uri:
        raise ValueError("has a workflow's tag {{…}}, in place of which nothing was put")


def _absolute(path: str) -> str:
    absolute = os.path.abspath(path)  # noqa: PTH100  links are the user's names: not resolved
    _refuse_odd_characters(absolute)
    return absolute
