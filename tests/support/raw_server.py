"""A server that answers every request by a function on the bare socket, for what HTTP forbids."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

Answer = Callable[[socket.socket, str], None]
"""Is given the connection and the path asked for, without its slash."""


@contextlib.contextmanager
def serve_raw(answer: Answer) -> Iterator[str]:
    """The address of a running server. Connections that are still answered are cut at the end."""
    listening = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def handle(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            asked = b""
            while b"\r\n\r\n" not in asked:
                received = connection.recv(65536)
                if not received:
                    return
                asked += received
            answer(connection, asked.split(b" ")[1].decode().lstrip("/"))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                connections.append(connection)
                threading.Thread(target=handle, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        listening.close()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def head(status: str = "200 OK", **fields: object) -> bytes:
    """The head of an answer; ``content_length=3`` is the field Content-Length."""
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items()]
    return f"HTTP/1.1 {status}\r\n{''.join(lines)}Connection: close\r\n\r\n".encode()
