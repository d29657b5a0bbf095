"""What ``--from``, and ``from`` and ``eval_data`` of a fleet file, name.

A folder of this machine, a URI of the store's kinds, or an id of the hub: told apart here and
nowhere else. Included: their forms. Not included: whether a bucket or the hub has anything there.
"""

import os

from jobs.hub import REPOSITORY
from jobs.store.folder import is_folder
from jobs.store.spelling import why_no_path
from jobs.store.uri import check_uri
from jobs.words import shown


def check_source(where: str) -> str:
    """As it is given, a URI in its one spelling. Raises ValueError for a URI with a typo.

    >>> check_source("file:///models/base/"), check_source("Qwen/Qwen2.5-0.5B")
    ('/models/base', 'Qwen/Qwen2.5-0.5B')
    """
    if "://" in where:
        return check_uri(where)
    if where and not REPOSITORY.fullmatch(where) and (why := why_no_path(where)):
        raise ValueError(why)
    return where


def place_of(where: str) -> str | None:
    """The URI of the bucket or folder that it names; None where it names neither, ever so odd.

    A folder is one that is there.
    """
    if "://" not in where:
        return os.path.abspath(where) if is_folder(where) else None  # noqa: PTH100  as in a URI
    try:
        uri = check_uri(where)
    except ValueError:
        return None
    return None if uri.startswith("/") and not is_folder(uri) else uri


def neither(where: str) -> str:
    """What is wrong with what names nothing."""
    return (
        f"{shown(where)} is neither a folder nor a hub id (owner/name), nor a URI such as "
        "s3://bucket/prefix"
    )
