"""JSON that strangers wrote, read so that it means one thing only and takes bounded memory.

Refused, unlike `json.loads`: the same key twice in an object, NaN and infinities, bytes that are
not UTF-8, lone surrogates (half a character each, which no file can hold), "-0" and integers of
more than 40 digits, and text that nests deeper than `MAX_DEPTH`, for whoever walks through the
value. Each ends as one line of BadInputError; none as another exception.

Memory is bounded before anything is parsed: a text of `n` bytes with `m` structural characters
(``, [ {``) has at most m + 1 values and takes at most ``12 n + 256 m`` bytes, itself included.
The worst seen are 9.2 n (a long string with escapes and one character outside the BMP: each
character takes four bytes, twice) and 8 n + 254 m (an object of many short, wide keys).
"""

import json
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from jobs.errors import BadInputError
from jobs.words import not_utf8, shortened, shown

BYTES_PER_BYTE = 12
BYTES_PER_VALUE = 256
MAX_DIGITS = 40  # tokenizers write 10**30 for "without end"
_WORDS = {
    "Expecting property name": "a key in double quotes is expected",
    "Expecting ':'": "a colon is expected",
    "Expecting ','": "a comma, or an end, is expected",
    "Expecting value": "a value is expected",
    "Illegal trailing comma": "no comma is expected",
    "Extra data": "more follows after its end",
    "Unterminated string": "a text has no closing quote",
    "control character": "a text holds a control character as it is",
    "escape": "a text holds a backslash that means nothing",
}
"""What Python's JSON says, and its words here."""
MAX_DEPTH = 100
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
"""A half of a character, as JSON escapes it; most stand beside their other half."""


TOO_LARGE = "raise --max-bytes where the job has it"


def parse(
    data: bytes,
    where: str,
    max_bytes: int,
    *,
    allow_nan: bool = False,
    too_large: str = TOO_LARGE,
) -> Any:
    """The value of a JSON text, which `where` names in errors. Raises BadInputError.

    `too_large` says what to do about a text that would take more than `max_bytes`.
    """
    values = sum(data.count(mark) for mark in (b",", b"[", b"{"))
    check_memory(where, max_bytes, len(data), values, too_large)
    try:
        return _value(data, allow_nan=allow_nan)
    except RecursionError as error:
        raise BadInputError(
            f"{where} is not JSON that can be read: it nests too deep, more than {MAX_DEPTH}"
        ) from error
    except UnicodeDecodeError as error:
        raise BadInputError(f"{where} is not JSON: {not_utf8(error)}") from error
    except UnicodeEncodeError as error:
        raise BadInputError(f"{where} is not JSON: a text in it holds half a character") from error
    except json.JSONDecodeError as error:
        raise BadInputError(f"{where} is not JSON: {_in_plain_words(error)}") from error
    except ValueError as error:
        raise BadInputError(f"{where} is not JSON: {error}") from error


def _in_plain_words(error: json.JSONDecodeError) -> str:
    """What is wrong, and where, counted from 1; Python has ``line 1 column 2 (char 1)``."""
    if not error.doc.strip():
        return "it is empty"
    said = next((words for mark, words in _WORDS.items() if mark in error.msg), "it cannot be read")
    ends = "it ends too early, where " if error.pos >= len(error.doc.rstrip()) else ""
    return f"{ends}{said}, in line {error.lineno} at column {error.colno}"


def _value(data: bytes, *, allow_nan: bool) -> Any:
    """Raises ValueError, and RecursionError where it nests too deep."""
    value = json.loads(
        str(data, "utf-8"),  # json.loads would also take UTF-16
        object_pairs_hook=_object,
        parse_int=_integer,
        parse_constant=None if allow_nan else _refuse_constant,
    )
    _refuse_deep(value)
    if _HALF.search(data):
        _refuse_halves(value)
    return value


def memory_needed(num_bytes: int, num_values: int) -> int:
    """The most bytes of memory that parsing such a text, and holding the result, takes."""
    return BYTES_PER_BYTE * num_bytes + BYTES_PER_VALUE * num_values


def check_memory(
    where: str,
    max_bytes: int,
    num_bytes: int,
    num_values: int = 0,
    too_large: str = TOO_LARGE,
) -> None:
    """Raises BadInputError where a text is too large; call it before the text is read, too."""
    needed = memory_needed(num_bytes, num_values)
    if needed > max_bytes:
        raise BadInputError(
            f"{where} may take {needed} bytes of memory to read ({num_bytes} bytes of JSON), "
            f"more than the {max(0, max_bytes)} there are; {too_large}"
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


def _refuse_deep(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [item for outer in level for item in _inner(outer) if isinstance(item, dict | list)]
        if not level:
            return
    raise RecursionError


def _refuse_halves(value: Any) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            item.encode()  # a UnicodeEncodeError is a ValueError
        elif isinstance(item, dict):
            waiting += [*item, *item.values()]
        elif isinstance(item, list):
            waiting += item


def _inner(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _integer(text: str) -> int:
    if text == "-0" or len(text) > MAX_DIGITS:
        raise ValueError(f"{shortened(text)} is no integer that can be read exactly")
    return int(text)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no value of JSON")
