"""An S3 server on loopback, as a process of its own: moto's, made strict where S3 is.

moto looks whether an object is there and puts it in two steps, and keeps what came of a body
whose sender was killed. S3 does neither; so a request is let through only when its body is whole,
and one at a time. What is stored lies in the server's memory.
"""

import contextlib
import io
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
BUCKET = "kills"


@contextlib.contextmanager
def serve_s3() -> Iterator[dict[str, str]]:
    """Runs the server with an empty bucket `BUCKET`: the environment to use it."""
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        try:
            assert server.stdout
            endpoint = server.stdout.readline().decode().strip()
            if not endpoint:
                raise RuntimeError("the S3 server did not start; see: " + " ".join(command))
            yield _with_bucket(endpoint)
        finally:
            server.kill()


def _with_bucket(endpoint: str) -> dict[str, str]:
    import boto3

    key, region = "test", "us-east-1"
    boto3.client(
        "s3", endpoint_url=endpoint, region_name=region,
        aws_access_key_id=key, aws_secret_access_key=key,
    ).create_bucket(Bucket=BUCKET)  # fmt: skip
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": key,
        "AWS_DEFAULT_REGION": region,
    }


def strict(application: Application) -> Application:
    """`application`, one request at a time, each with its body whole, else 400."""
    turn = threading.Lock()

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if length := int(environ.get("CONTENT_LENGTH") or 0):
            body = environ["wsgi.input"].read(length)
            if len(body) < length:
                start("400 Bad Request", [("Content-Length", "0")])
                return [b""]
            environ["wsgi.input"] = io.BytesIO(body)
        with turn:
            return list(application(environ, start))

    return answer


def main() -> None:
    """Serves until it is killed; the address is the one line on standard output."""
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    application = strict(DomainDispatcherApplication(create_backend_app))
    server = make_server(
        "127.0.0.1", 0, application, threaded=True, request_handler=MotoRequestHandler
    )
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
