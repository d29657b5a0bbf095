"""A model's tensors, read from the store without a local copy.

All of them are read once, file after file, some pieces ahead, and each file's digest is checked.
Memory: one tensor and `READERS` × 2 pieces.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

import torch

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.safetensors_header import Tensor

PIECE_BYTES = 2**25
READERS = 4
"""Requests at a time."""
TYPES = {
    "BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32, "F64": torch.float64,
    "BOOL": torch.bool, "U8": torch.uint8, "I8": torch.int8, "I16": torch.int16,
    "I32": torch.int32, "I64": torch.int64,
}  # fmt: skip
"""safetensors' name → torch's."""


@dataclass(frozen=True)
class Files:
    """Those of one model, and where its tensors lie in them, in order of file and place."""

    model: Artifact
    tensors: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        """Raises BadInputError for a tensor of a type that torch does not have."""
        for name, tensor in self.tensors.items():
            if tensor.dtype not in TYPES:
                raise BadInputError(
                    f"{self.model.uri}: tensor {name} is {tensor.dtype}; taken are "
                    f"{', '.join(TYPES)}: save the model in one of them"
                )

    def read(self, name: str) -> torch.Tensor:
        """One tensor; its file's digest is not checked."""
        there = self.tensors[name]
        return _tensor(there, self.model.read_range(there.file, there.start, there.length))

    def all(self) -> Iterator[torch.Tensor]:
        """Every tensor in order. Raises BadInputError after the last of a file that was altered."""
        for path, tensors in groupby(self.tensors.values(), key=lambda tensor: tensor.file):
            found = self.model.hasher(path)
            pieces = _Pieces(self._pieces(path))
            for tensor in tensors:
                found.update(pieces.take(tensor.start - pieces.position))
                data = pieces.take(tensor.length)
                found.update(data)
                yield _tensor(tensor, data)
            found.update(pieces.take(self.model.size(path) - pieces.position))
            self.model.check(path, found)

    def _pieces(self, path: str) -> Iterator[memoryview]:
        size = self.model.size(path)
        waiting = deque[Future[memoryview]]()
        with ThreadPoolExecutor(READERS, thread_name_prefix="weights") as readers:
            for start in range(0, size, PIECE_BYTES):
                length = min(PIECE_BYTES, size - start)
                waiting.append(readers.submit(self.model.read_range, path, start, length))
                if len(waiting) == 2 * READERS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


class _Pieces:
    """Bytes one after another, whatever the pieces they come in."""

    def __init__(self, pieces: Iterator[memoryview]) -> None:
        self._pieces, self._left = pieces, memoryview(b"")
        self.position = 0

    def take(self, length: int) -> bytearray:
        taken = bytearray(length)
        filled = 0
        while filled < length:
            if not self._left:
                self._left = next(self._pieces)
            piece = self._left[: length - filled]
            taken[filled : filled + len(piece)] = piece
            filled += len(piece)
            self._left = self._left[len(piece) :]
        self.position += length
        return taken


def _tensor(there: Tensor, data: bytearray | memoryview) -> torch.Tensor:
    if not there.length:
        return torch.empty(there.shape, dtype=TYPES[there.dtype])
    owned = data if isinstance(data, bytearray) else bytearray(data)
    return torch.frombuffer(owned, dtype=TYPES[there.dtype]).view(there.shape)
