"""Remote stores: the S3 client with settings found as boto3 finds them, and uploads in parts."""

import os
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import obstore
from obstore import exceptions
from obstore.store import from_url

from jobs.errors import BadInputError
from jobs.store.failures import NotFoundError, Patience, tried
from jobs.store.uri import http_address

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore

PART_BYTES = 8 * 2**20
MOST_PARTS = 9000
"""Of one upload; S3 takes 10,000."""
UPLOAD_BYTES = 64 * 2**20
"""Held by the parts of one upload that are on their way, unless two parts are larger."""

_MARK = "perennialupload"  # Azure takes no hyphen


def remote_store(uri: str, patience: Patience) -> "ObjectStore":
    """The store at a URI that is no folder. Raises BadInputError where credentials are missing."""
    if uri.startswith("s3://"):
        return _s3_store(uri, patience)
    options: ClientConfig = {"timeout": timedelta(seconds=patience.request_seconds)}
    return from_url(uri, client_options=options, retry_config=patience.retries())


def _s3_store(uri: str, patience: Patience) -> "ObjectStore":
    """The store at ``s3://bucket/prefix``. Raises BadInputError where credentials are missing."""
    import boto3  # 0.3 s, and only S3 needs it
    from botocore.exceptions import BotoCoreError
    from obstore.auth.boto3 import Boto3CredentialProvider

    try:
        session = boto3.Session()
        credentials = session.get_credentials()
    except BotoCoreError as error:
        what = " ".join(str(error).split())[:200].rstrip(".")
        raise BadInputError(
            f"AWS settings for {uri}: {what}; correct AWS_PROFILE or ~/.aws"
        ) from error
    if credentials is None:
        raise BadInputError(
            f"no AWS credentials for {uri}; set a profile, a role or AWS_* variables"
        )
    endpoint = s3_endpoint()
    options: ClientConfig = {"timeout": timedelta(seconds=patience.request_seconds)}
    config: dict[str, Any] = {
        "region": session.region_name or os.environ.get("AWS_REGION", "us-east-1")
    }
    if endpoint:
        config["endpoint"] = endpoint
        config["virtual_hosted_style_request"] = False
        options["allow_http"] = endpoint.startswith("http://")
    return from_url(
        uri,
        config=cast("Any", config),
        client_options=options,
        retry_config=patience.retries(),
        credential_provider=Boto3CredentialProvider(session),
    )


def s3_endpoint() -> str | None:
    """Where another server than AWS's is. Raises BadInputError for what is no plain address."""
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        if address := os.environ.get(name):
            try:
                return http_address(address)
            except ValueError as error:
                raise BadInputError(f"{name} in the environment: {error}") from error
    return None


def part_bytes(size: int) -> int:
    """Bytes of one part of an object of about `size` bytes: 8 MiB, or what `MOST_PARTS` ask for."""
    return max(PART_BYTES, -(-size // MOST_PARTS))


class MultipartUpload:
    """An object that is sent in parts, several at a time; below one part, in one request.

    Memory is bounded by `UPLOAD_BYTES`, or two parts, and the part that is being filled. The
    object carries a mark of its own, so that where the answer to the last request is lost one
    can see whether it was performed.
    """

    def __init__(self, store: "ObjectStore", uri: str, path: str, size: int) -> None:
        part = part_bytes(size)
        self._store, self._uri, self._path = store, uri, path
        self._mark = secrets.token_hex(16)
        self._writer = obstore.open_writer(
            store,
            path,
            buffer_size=part,
            max_concurrency=max(2, UPLOAD_BYTES // part),
            attributes={_MARK: self._mark},
        )

    def write(self, data: memoryview) -> None:
        # A copy: obstore holds on to what it is given while the part is on its way, and callers
        # use their buffers again.
        self._writer.write(bytes(data))

    def finish(self) -> None:
        """The object appears, at once and whole."""
        try:
            self._writer.close()
        except (exceptions.BaseError, OSError):
            if self._mark_there() != self._mark:
                raise

    def abandon(self) -> None:
        """What was sent stays in the store, unseen, until the bucket's rule deletes it."""

    def _mark_there(self) -> str | None:
        def look() -> str | None:
            found = obstore.get(self._store, self._path, options={"head": True})
            return found.attributes.get(_MARK)

        try:
            return tried(self._uri, self._path, look)
        except NotFoundError:
            return None
