"""A file of YAML as text: what is no such file is refused before anything reads it."""

import errno
import os
import re
import stat
from pathlib import Path

from jobs.errors import BadInputError
from jobs.words import listed, nearest_of

MAX_BYTES = 2**20
MOST_NAMES = 1000
"""Of the files beside one that is not there, among which the nearest name is looked for."""
_OTHERS = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"PK": "a zip archive",
    b"\x1f\x8b": "gzip",
}
ODD = re.compile(
    "[^\n\r\t -~\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
"""Control characters, line and paragraph separators, and what turns the direction of writing."""


def read_text(path: Path) -> str:
    """A regular file of a bounded size, as UTF-8; nothing else is opened, for it might block."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise BadInputError(f"{path} cannot be read: it is a folder; {_beside(path, '')}")
        if not stat.S_ISREG(mode):
            raise BadInputError(f"{path} cannot be read: it is no file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path} cannot be read: {_reason(path, error)}") from error
    if len(data) > MAX_BYTES:
        raise BadInputError(f"{path} is too large: more than {MAX_BYTES} bytes")
    return _decoded(str(path), data)


def _decoded(path: str, data: bytes) -> str:
    if kind := next((kind for start, kind in _OTHERS.items() if data.startswith(start)), None):
        raise BadInputError(f"{path}:1:1: not UTF-8: it is {kind}; save it as a text in UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = _place(path, data[: error.start].decode(errors="replace"))
        byte = data[error.start]
        raise BadInputError(
            f"{at}: not UTF-8: the byte 0x{byte:02x}; save the file as UTF-8"
        ) from error
    if odd := ODD.search(text):
        at = _place(path, text[: odd.start()])
        raise BadInputError(
            f"{at}: the character {odd[0]!a} may not stand in a file of YAML; delete it"
        )
    return text


def _reason(path: Path, error: Exception) -> str:
    if not isinstance(error, OSError):
        return "no file can have this name"
    if error.errno == errno.ENOENT:
        if not path.parent.is_dir():
            return f"there is no folder {path.parent}"
        return f"there is no such file; {_beside(path.parent, path.name)}"
    return os.strerror(error.errno) if error.errno else str(error)


def _beside(folder: Path, name: str) -> str:
    """The file of a folder that was probably meant, or those of YAML that it has."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry, _ in zip(entries, range(MOST_NAMES), strict=False)]
    except OSError:
        return "give the path of a file"
    files = sorted(one for one in names if one.endswith((".yaml", ".yml")))
    stems = {one.rpartition(".")[0]: one for one in files}
    if near := nearest_of(name.rpartition(".")[0] or name, [*stems]):
        return f"did you mean {folder / stems[near]}?"
    return f"files of YAML there: {listed(files, 5)}" if files else "no file of YAML is there"


def _place(path: str, before: str) -> str:
    """The place that follows the text `before`."""
    lines = before.split("\n")
    return f"{path}:{len(lines)}:{len(lines[-1]) + 1}"
