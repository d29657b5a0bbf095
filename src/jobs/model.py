"""What an artifact of kind ``model`` holds: its files by role, and where each tensor lies.

Included: reading safetensors headers and the index through the store by ranges, and checking
them. Not included: tensors' values, which merge reads in slices and train loads whole.

Format: https://huggingface.co/docs/safetensors (an 8-byte little-endian header length, a JSON
header, then the bytes of all tensors without gaps).
"""

import json
import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jobs.artifact import Artifact
from jobs.errors import BadInputError

CONFIG = "config.json"
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
GENERATION = "generation_config.json"
VOCABULARY_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt")
TOKENIZER_FILES = (
    *VOCABULARY_FILES,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
)
MAX_HEADER_BYTES = 100 * 10**6
DTYPE_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I8": 1, "U8": 1}


@dataclass(frozen=True)
class Tensor:
    """Where one tensor lies: file, first byte within the file, and its type and shape."""

    name: str
    file: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    length: int

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


def tokenizer_part(model: Artifact) -> Artifact:
    """A model as an input of which only the tokenizer's files matter."""
    return model.counting(TOKENIZER_FILES)


def read_tensors(model: Artifact) -> dict[str, Tensor]:
    """Every tensor of a model, by name, in order of file and place.

    Raises BadInputError for a header or an index that does not fit its files.
    """
    tensors: dict[str, Tensor] = {}
    for file in weight_files(model):
        for tensor in _read_header(model, file):
            if tensor.name in tensors:
                raise BadInputError(
                    f"{model.uri}: tensor {tensor.name} stands in {tensors[tensor.name].file} "
                    f"and in {file}; one of them is wrong"
                )
            tensors[tensor.name] = tensor
    if INDEX in model:
        _check_index(model, tensors)
    return tensors


def weight_files(model: Artifact) -> list[str]:
    """The safetensors files of a model, in order. Raises BadInputError where there is none."""
    if INDEX in model:
        listed = sorted(set(_weight_map(model).values()))
        missing = [file for file in listed if file not in model]
        if missing:
            raise BadInputError(f"{model.uri}/{INDEX} lists files that are missing: {missing}")
        return listed
    if SINGLE in model:
        return [SINGLE]
    raise BadInputError(f"{model.uri} has neither {SINGLE} nor {INDEX}; only safetensors are read")


def parameters(tensors: Iterable[Tensor]) -> int:
    """Number of parameters: elements of all tensors."""
    return sum(tensor.elements for tensor in tensors)


def shard_names(number: int) -> list[str]:
    """File names of a model in `number` shards, as transformers writes them.

    >>> shard_names(1), shard_names(2)[0]
    (['model.safetensors'], 'model-00001-of-00002.safetensors')
    """
    if number == 1:
        return [SINGLE]
    return [f"model-{i:05d}-of-{number:05d}.safetensors" for i in range(1, number + 1)]


def index_json(files: Mapping[str, Iterable[Tensor]]) -> dict[str, Any]:
    """The index of a sharded model: file → tensors, as transformers reads it."""
    total = sum(tensor.length for tensors in files.values() for tensor in tensors)
    names = {tensor.name: file for file, tensors in files.items() for tensor in tensors}
    return {"metadata": {"total_size": total}, "weight_map": dict(sorted(names.items()))}


def _weight_map(model: Artifact) -> dict[str, str]:
    index = model.read_json(INDEX)
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise BadInputError(
            f"{model.uri}/{INDEX} has no weight_map; it must name tensors and files"
        )
    return weight_map


def _check_index(model: Artifact, tensors: Mapping[str, Tensor]) -> None:
    listed = _weight_map(model)
    found = {tensor.name: tensor.file for tensor in tensors.values()}
    if wrong := sorted(
        name for name in listed.keys() | found if listed.get(name) != found.get(name)
    ):
        raise BadInputError(f"{model.uri}/{INDEX} and its files disagree about {wrong[:5]}")


def _read_header(model: Artifact, file: str) -> list[Tensor]:
    where, size = f"{model.uri}/{file}", model.size(file)
    if size < 8:
        raise BadInputError(f"{where} is no safetensors file: {size} bytes")
    (length,) = struct.unpack("<Q", model.read_range(file, 0, 8))
    if length > min(MAX_HEADER_BYTES, size - 8):
        raise BadInputError(f"{where} is no safetensors file: a header of {length} bytes")
    try:
        header = json.loads(bytes(model.read_range(file, 8, length)))
        entries = [(name, entry) for name, entry in header.items() if name != "__metadata__"]
        tensors = [_tensor(name, file, entry, data_start=8 + length) for name, entry in entries]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInputError(f"{where} has a wrong safetensors header: {error!r}") from error
    tensors.sort(key=lambda tensor: (tensor.start, tensor.name))
    place = 8 + length
    for tensor in tensors:
        if tensor.start != place:
            raise BadInputError(f"{where}: tensor {tensor.name} leaves a hole or overlaps another")
        place += tensor.length
    if place != size:
        raise BadInputError(f"{where} has {size} bytes, its header says {place}")
    return tensors


def _tensor(name: str, file: str, entry: Mapping[str, Any], data_start: int) -> Tensor:
    begin, end = entry["data_offsets"]
    shape = tuple(int(size) for size in entry["shape"])
    width = DTYPE_BYTES[entry["dtype"]]
    if min(shape, default=0) < 0 or end - begin != width * math.prod(shape) or begin < 0:
        raise ValueError(f"tensor {name} of shape {shape} cannot have offsets {begin}-{end}")
    return Tensor(name, file, entry["dtype"], shape, data_start + begin, end - begin)
