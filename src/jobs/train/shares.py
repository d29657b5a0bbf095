"""A checkpoint's files: named tensors in safetensors, a file for each process that wrote it.

A tensor is one piece of a parameter's masters or moments, flat, in float32; its name tells which:
``model.norm.weight exp_avg 4096`` is of the first moments, from element 4096 on. A file of JSON
beside it has the digest of each, so that a process that needs some of them reads no more, and
trusts no byte that it did not check; and the state of the random numbers. Who resumes may be more
processes or fewer, and divide the model otherwise.

share-00000.safetensors
share-00000.json
"""

import base64
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch

from jobs.artifacts.hashing import digest_of
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.errors import BadInputError
from jobs.kinds.safetensors_header import Tensor, header_bytes, read_header
from jobs.records import Record
from jobs.train.pieces import KINDS, Piece, Share
from jobs.words import shown

BYTES = 4
"""Of an element."""
READERS = 4
"""Requests of one process at a time."""
MAX_HEADER_BYTES = 2**26
_TENSOR = re.compile(rf"(?P<name>\S+) (?P<kind>{'|'.join(KINDS)}) (?P<start>[0-9]{{1,18}})")


@dataclass(frozen=True)
class Copied:
    """A share as it was at one moment, on the CPU."""

    tensors: Mapping[str, torch.Tensor]
    """Name → values, flat."""
    random: Mapping[str, torch.Tensor]
    """Device → the state of torch's generator."""

    @classmethod
    def of(cls, share: Share) -> "Copied":
        """Takes as much memory as the share has."""
        tensors = {
            f"{piece.name} {kind} {piece.start}": values.to("cpu", copy=True)
            for piece in share.pieces
            for kind, values in share.tensors(piece).items()
        }
        return cls(tensors, _random())

    def write(self, writer: ArtifactWriter, rank: int) -> None:
        """The two files of process `rank`."""
        path = f"{_name(rank)}.safetensors"
        tensors = [
            Tensor(name, path, "F32", tuple(values.shape), 0, BYTES * values.numel())
            for name, values in self.tensors.items()
        ]
        header = header_bytes(tensors)
        size = len(header) + sum(tensor.length for tensor in tensors)
        digests = {}
        with writer.open(path, size) as file:
            file.write(header)
            for name, values in self.tensors.items():
                data = memoryview(values.numpy()).cast("B")  # type: ignore[arg-type]
                digests[name] = digest_of(data)
                file.write(data)
        random = {
            device: base64.b64encode(state.numpy().tobytes()).decode()
            for device, state in self.random.items()
        }
        writer.write_json(f"{_name(rank)}.json", {"digests": digests, "random": random})


def _name(rank: int) -> str:
    return f"share-{rank:05d}"


def _random() -> dict[str, torch.Tensor]:
    found = {"cpu": torch.get_rng_state()}
    return found | ({"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else {})


class _Said(Record):
    """What stands in a share's JSON."""

    digests: dict[str, str]
    random: dict[str, str]


@dataclass(frozen=True)
class _There:
    """One tensor of a checkpoint."""

    start: int
    """In the parameter."""
    tensor: Tensor
    digest: str

    @property
    def end(self) -> int:
        return self.start + self.tensor.elements


class Saved:
    """The shares that a checkpoint holds, of however many processes."""

    def __init__(self, checkpoint: Artifact) -> None:
        """Raises BadInputError for what is no checkpoint of train."""
        self._checkpoint = checkpoint
        self._there: dict[tuple[str, str], list[_There]] = {}
        self._random: list[dict[str, str]] = []
        ranks = sum(path.endswith(".safetensors") for path in checkpoint.paths)
        for rank in range(ranks):
            path = f"{_name(rank)}.json"
            said = _Said.parse(
                checkpoint.read(path), f"{checkpoint.uri}/{path} is of no checkpoint"
            )
            self._random.append(said.random)
            for name, kind, found in self._found(f"{_name(rank)}.safetensors", said.digests):
                self._there.setdefault((name, kind), []).append(found)

    def _found(self, path: str, digests: Mapping[str, str]) -> Iterator[tuple[str, str, _There]]:
        where = f"{self._checkpoint.uri}/{path}"

        def read(start: int, length: int) -> memoryview:
            return self._checkpoint.read_range(path, start, length)

        size = self._checkpoint.size(path)
        for tensor in read_header(read, path, where, size, MAX_HEADER_BYTES):
            known = _TENSOR.fullmatch(tensor.name)
            if not known or tensor.dtype != "F32" or tensor.name not in digests:
                raise BadInputError(
                    f"{where} is no checkpoint of train: it has a tensor {shown(tensor.name)}"
                )
            start = int(known["start"])
            yield known["name"], known["kind"], _There(start, tensor, digests[tensor.name])

    def restore_random(self, rank: int, processes: int) -> None:
        """Where as many processes saved as go on: their random numbers go on, too."""
        if len(self._random) == processes:
            states = {
                device: torch.frombuffer(bytearray(base64.b64decode(state)), dtype=torch.uint8)
                for device, state in self._random[rank].items()
            }
            torch.set_rng_state(states["cpu"])
            if "cuda" in states and torch.cuda.is_available():
                torch.cuda.set_rng_state(states["cuda"])

    def restore(self, share: Share) -> None:
        """Fills the share's masters and moments. Raises BadInputError where elements lack."""
        with ThreadPoolExecutor(READERS) as readers:
            jobs = [
                readers.submit(self._fill, piece, kind, values)
                for piece in share.pieces
                for kind, values in share.tensors(piece).items()
            ]
            for job in jobs:
                job.result()

    def _fill(self, piece: Piece, kind: str, values: torch.Tensor) -> None:
        end = piece.start + piece.count
        filled = 0
        for there in self._there.get((piece.name, kind), ()):
            start, stop = max(piece.start, there.start), min(end, there.end)
            if start < stop:
                found = self._read(there)[start - there.start : stop - there.start]
                values[start - piece.start : stop - piece.start].copy_(found)
                filled += stop - start
        if filled != piece.count:
            raise BadInputError(
                f"{self._checkpoint.uri} has {filled} of {piece.count} elements of the {kind} of "
                f"{piece.name}; delete it: an older one, or the beginning, is taken"
            )

    def _read(self, there: _There) -> torch.Tensor:
        tensor = there.tensor
        data = self._checkpoint.read_range(tensor.file, tensor.start, tensor.length)
        if digest_of(data) != there.digest:
            raise BadInputError(
                f"{self._checkpoint.uri}/{tensor.file} is corrupt at {tensor.name!r}; delete the "
                "checkpoint: an older one, or the beginning, is taken"
            )
        return torch.frombuffer(bytearray(data), dtype=torch.float32)
