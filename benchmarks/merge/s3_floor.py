"""The bytes of a merge over S3 and nothing else: no arithmetic, no digest.

    python -m benchmarks.merge.s3_floor MODELS OUT

Every byte of the three models below MODELS is read by ranged GETs, and as many bytes as one of
them has are written by multipart PUTs, at the same time and with the library that merge uses.
"""

import os
import sys
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

import obstore
from obstore.store import S3Store

RANGE_BYTES = 8 * 2**20
READS = 8
"""Ranges in flight at a time that are only read."""
PARTS = 4
"""Ranges in flight at a time that are read ahead for the output, and parts of it."""


def main(models: str, out: str) -> None:
    """Reads and writes at once; the model `onto` supplies the bytes that are written.

    In threads: a process that used obstore's coroutines is aborted at its end now and then.
    """
    source, target = _store(models), _store(out)
    dropped: list[tuple[str, int, int]] = []
    carried: list[tuple[str, int, int]] = []
    for entry in obstore.list(source).collect():
        path, size = entry["path"], entry["size"]
        for start in range(0, size, RANGE_BYTES):
            part = (path, start, min(RANGE_BYTES, size - start))
            (carried if path.startswith("onto/") else dropped).append(part)

    def read(path: str, start: int, length: int) -> obstore.Bytes:
        return obstore.get_range(source, path, start=start, length=length)

    def drop(path: str, start: int, length: int) -> None:
        read(path, start, length)

    with ThreadPoolExecutor(READS) as droppers, ThreadPoolExecutor(PARTS) as readers:
        drops = [droppers.submit(drop, *part) for part in dropped]
        ahead: deque[Future[obstore.Bytes]] = deque()
        with obstore.open_writer(
            target, "model.safetensors", buffer_size=RANGE_BYTES, max_concurrency=PARTS
        ) as writer:
            for part in carried:
                ahead.append(readers.submit(read, *part))
                if len(ahead) > PARTS:
                    writer.write(ahead.popleft().result())
            for future in ahead:
                writer.write(future.result())
        for done in drops:
            done.result()


def _store(uri: str) -> S3Store:
    return S3Store.from_url(
        uri,
        endpoint=os.environ["AWS_ENDPOINT_URL"],
        region=os.environ["AWS_DEFAULT_REGION"],
        client_options={"allow_http": True},
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
