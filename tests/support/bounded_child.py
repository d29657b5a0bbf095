"""What a child that runs within bounds may do to it, by name."""

import ctypes
import os
import sys
from collections.abc import Callable

from jobs.command.bounded import answer
from jobs.errors import BadInputError


def refuse() -> None:
    raise BadInputError("no")


def loop() -> None:
    while True:
        pass


def grow() -> None:
    found = [b""]
    while True:
        found.append(bytes(2**20))


CASES: dict[bytes, Callable[[], object]] = {
    b"nothing": lambda: None,
    b"refuse": refuse,
    b"loop": loop,
    b"one long operation": lambda: str(3**3**20),
    b"grow": grow,
    b"one large thing": lambda: bytearray(2**40),
    b"abort": os.abort,
    b"nowhere": lambda: ctypes.string_at(0),
    b"end": lambda: os._exit(3),
}


def start() -> Callable[[bytes], bytes]:
    sys.set_int_max_str_digits(0)

    def handle(request: bytes) -> bytes:
        CASES[request]()
        return request

    return handle


if __name__ == "__main__":
    answer(start)
