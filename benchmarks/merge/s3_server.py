"""A real S3 server on loopback: SeaweedFS, from the benchmarks' own environment.

One process (master, volume and filer servers, S3 gateway), one user, data below a temporary
folder that goes with it. Each bucket is a collection of its own, so that deleting a bucket gives
the disk space back at once. The telemetry that is on by default is switched off.
"""

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

KEY, SECRET, REGION = "benchmark", "benchmark-secret", "us-east-1"
START_SECONDS = 60.0
SETTINGS = (
    *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-filer"),
    *("-master.telemetry=false", "-master.volumeSizeLimitMB=1024", "-volume.max=0"),
    *("-s3.port.iceberg=0", "-s3.port.lance=0", "-volume.preStopSeconds=0"),
)
PORTS = ("master", "volume", "filer", "s3")


@dataclass(frozen=True)
class S3Server:
    """A running server: its address, the folder of its data, and the environment to use it."""

    endpoint: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": REGION,
        }

    def empty_bucket(self, name: str) -> None:
        """Makes a bucket; what was in one of that name is gone."""
        with contextlib.suppress(self._client.exceptions.NoSuchBucket):
            self._client.delete_bucket(Bucket=name)
        self._client.create_bucket(Bucket=name)

    def read(self, bucket: str, key: str) -> bytes:
        """One small object."""
        data: bytes = self._client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return data

    @cached_property
    def _client(self) -> Any:
        import boto3

        return boto3.client(
            "s3", endpoint_url=self.endpoint, region_name=REGION,
            aws_access_key_id=KEY, aws_secret_access_key=SECRET,
        )  # fmt: skip


@contextlib.contextmanager
def serve_s3(program: Path, below: Path) -> Iterator[S3Server]:
    """Runs `program` (SeaweedFS's `weed`) with its data in a temporary folder in `below`."""
    below.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=below, prefix="s3-") as scratch:
        folder = Path(scratch)
        config = folder / "users.json"
        config.write_text(json.dumps(_users()))
        (folder / "data").mkdir()
        ports = dict(
            zip([*PORTS, *(f"{name}.grpc" for name in PORTS)], _free_ports(8), strict=True)
        )
        command = [
            str(program),
            f"-logdir={scratch}",
            "server",
            f"-dir={folder / 'data'}",
            *SETTINGS,
        ]
        command += [f"-s3.config={config}", *_port_flags(ports)]
        log = folder / "server.log"
        with log.open("wb") as said:
            process = subprocess.Popen(
                command, stdout=said, stderr=said, cwd=folder, env=os.environ | {"HOME": scratch}
            )
        try:
            endpoint = f"http://127.0.0.1:{ports['s3']}"
            _wait_until_ready(endpoint, process, log)
            yield S3Server(endpoint, folder / "data")
        finally:
            process.kill()  # a polite stop takes 15 s, and nothing of it is kept
            process.wait()
            for name, port in ports.items():  # killed, it leaves its sockets
                socket_name = f"seaweedfs-{name.replace('.', '-')}-{port}.sock"
                Path("/tmp", socket_name).unlink(missing_ok=True)  # noqa: S108


def _users() -> object:
    credentials = [{"accessKey": KEY, "secretKey": SECRET}]
    return {"identities": [{"name": KEY, "credentials": credentials, "actions": ["Admin"]}]}


def _port_flags(ports: dict[str, int]) -> list[str]:
    return [
        f"-{name.replace('.grpc', '')}.port{'.grpc' if name.endswith('.grpc') else ''}={port}"
        for name, port in ports.items()
    ]


def _free_ports(number: int) -> list[int]:
    """Ports that nobody listens on now; all are held until all are known."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _wait_until_ready(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the gateway answers a health check; then it can also reach the filer."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{endpoint}/healthz", timeout=2):  # noqa: S310
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)
    last = log.read_text(errors="replace").splitlines()[-5:]
    raise RuntimeError("the S3 server did not start: " + " | ".join(last))
