"""URIs of the store, in one spelling."""

import os
from urllib.parse import unquote, urlsplit

from jobs.errors import BadInputError

REMOTE_SCHEMES = ("s3", "gs", "az")


def normal_uri(uri: str) -> str:
    """The one spelling of a URI: folders as absolute paths, no slash at the end.

    >>> normal_uri("s3://bucket/prefix/")
    's3://bucket/prefix'
    >>> normal_uri("file:///tmp/store")
    '/tmp/store'
    """
    scheme, separator, _ = uri.partition("://")
    if not separator:
        if not uri:
            raise BadInputError("an empty URI; give s3://bucket/prefix, file:///folder or a path")
        return _absolute(uri)
    if scheme == "file":
        return _absolute(unquote(urlsplit(uri).path))
    if scheme not in REMOTE_SCHEMES:
        raise BadInputError(
            f"URI {uri!r} has the unknown scheme {scheme!r}; use s3, gs, az, file or a plain path"
        )
    if not urlsplit(uri).netloc:
        raise BadInputError(f"URI {uri!r} names no bucket; expected {scheme}://bucket/prefix")
    return uri.rstrip("/")


def _absolute(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100  links are the user's names: not resolved
