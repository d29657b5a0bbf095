"""JSON that strangers wrote, read so that it means one thing only and takes bounded memory.

Refused, unlike `json.loads`: the same key twice in an object, NaN and infinities, bytes that are
not UTF-8, "-0" and integers of more than 40 digits, and text that nests deeper than Python's
stack. Each ends as one line of BadInputError; none as another exception.

Memory is bounded before anything is parsed: a text of `n` bytes with `m` structural characters
(``, [ {``) has at most m + 1 values and takes at most ``12 n + 256 m`` bytes, itself included.
The worst seen are 9.2 n (a long string with escapes and one character outside the BMP: each
character takes four bytes, twice) and 8 n + 254 m (an object of many short, wide keys).
"""

import json
from typing import Any, NoReturn

from jobs.errors import BadInputError
from jobs.words import shortened, shown

BYTES_PER_BYTE = 12
BYTES_PER_VALUE = 256
MAX_DIGITS = 40  # tokenizers write 10**30 for "without end"


def parse(data: bytes, where: str, max_bytes: int, *, allow_nan: bool = False) -> Any:
    """The value of a JSON text, which `where` names in errors. Raises BadInputError."""
    values = sum(data.count(mark) for mark in (b",", b"[", b"{"))
    check_memory(where, max_bytes, len(data), values)
    try:
        return json.loads(
            str(data, "utf-8"),  # json.loads would also take UTF-16 and lone surrogates
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_constant=None if allow_nan else _refuse_constant,
        )
    except RecursionError as error:
        raise BadInputError(f"{where} is not JSON that can be read: it nests too deep") from error
    except ValueError as error:
        raise BadInputError(f"{where} is not JSON: {error}") from error


def memory_needed(num_bytes: int, num_values: int) -> int:
    """The most bytes of memory that parsing such a text, and holding the result, takes."""
    return BYTES_PER_BYTE * num_bytes + BYTES_PER_VALUE * num_values


def check_memory(where: str, max_bytes: int, num_bytes: int, num_values: int = 0) -> None:
    """Raises BadInputError where a text is too large; call it before the text is read, too."""
    needed = memory_needed(num_bytes, num_values)
    if needed > max_bytes:
        raise BadInputError(
            f"{where} may take {needed} bytes of memory to read ({num_bytes} bytes of JSON), "
            f"more than the {max(0, max_bytes)} there are; raise --max-bytes where the job has it"
        )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {shown(key)} stands twice in one object")
            seen.add(key)
    return found


def _integer(text: str) -> int:
    if text == "-0" or len(text) > MAX_DIGITS:
        raise ValueError(f"{shortened(text)} is no integer that can be read exactly")
    return int(text)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no value of JSON")
