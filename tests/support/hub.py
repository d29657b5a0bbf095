"""A hub that answers what a test says."""

import contextlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from typing import Any


class Hub:
    """What is answered by path; how often each was asked; seconds before any answer."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []
        self.wait_seconds = 0.0

    def holds(
        self, name: str, parameters: int | None, sizes: dict[str, int], **config: Any
    ) -> None:
        """A model with these files of weights and this config."""
        files = [{"rfilename": file, "size": size} for file, size in sizes.items()]
        if config:
            files.append({"rfilename": "config.json", "size": 100})
            self.answers[f"/{name}/resolve/0abc/config.json"] = (200, json.dumps(config).encode())
        info: dict[str, Any] = {"id": name, "sha": "0abc", "siblings": files}
        if parameters:
            info["safetensors"] = {"parameters": {"BF16": parameters}, "total": parameters}
        self.answers[f"/api/models/{name}"] = (200, json.dumps(info).encode())


@contextlib.contextmanager
def serve_hub() -> Iterator[tuple[Hub, str]]:
    """A hub and its address, for as long as the block runs."""
    said = Hub()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said.asked.append(self.path)
            time.sleep(said.wait_seconds)
            with contextlib.suppress(ConnectionError):  # nobody waits any more
                self._answer()

        def _answer(self) -> None:
            status, body = said.answers.get(self.path.partition("?")[0], (404, b""))
            self.send_response(status)
            if status == 404:
                self.send_header("X-Error-Code", "RepoNotFound")
            elif status == 403:
                self.send_header("X-Error-Code", "GatedRepo")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield said, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
