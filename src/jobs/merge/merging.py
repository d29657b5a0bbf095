"""Streams three models from the store, slice by slice, and writes the fourth.

Memory: one slice of each model and the arithmetic's scratch, bounded by ``--max-bytes``; never
a whole model, nor a copy on local disk.
"""

import json
import struct
from collections.abc import Iterator, Mapping

from jobs.artifact import Artifact, ArtifactWriter
from jobs.command_line import Job, Statistics
from jobs.errors import BadInputError
from jobs.merge.arithmetic import SCRATCH_BYTES_PER_ELEMENT, merge_slice
from jobs.merge.plan import Tensors, check, cut_into_shards
from jobs.merge.settings import MergeSettings
from jobs.model import (
    CONFIG,
    DTYPE_BYTES,
    GENERATION,
    INDEX,
    TOKENIZER_FILES,
    Tensor,
    index_json,
    parameters,
    read_tensors,
    shard_names,
    weight_files,
)
from jobs.progress import Progress

ROLES = ("onto", "base", "instruct")


def merge(job: Job[MergeSettings]) -> Statistics:
    """Writes onto + (instruct − base). Raises BadInputError where the models do not fit."""
    models = {role: job.inputs[role] for role in ROLES}
    for model in models.values():
        for file in weight_files(model):
            model.verify(file)
    tensors = {role: read_tensors(models[role]) for role in ROLES}
    check(tensors)
    shards = cut_into_shards(tensors["onto"], job.settings.shard_bytes)
    files = dict(zip(shard_names(len(shards)), shards, strict=True))
    total_bytes = sum(tensor.length for shard in shards for tensor in shard)
    with Progress("merge", total_bytes, "bytes") as progress:
        for file, shard in files.items():
            slices = _merged(models, tensors, shard, job.settings.max_bytes)
            _write_shard(job.out, file, shard, slices, progress)
    if len(files) > 1:
        job.out.write_json(INDEX, index_json(files))
    _copy_side_files(job.out, models["onto"], models["instruct"])
    return {
        "parameters": parameters(tensors["onto"].values()),
        "tensors": len(tensors["onto"]),
        "shards": len(files),
        "bytes_read": 3 * total_bytes,
        "bytes_written": total_bytes,
    }


def _merged(
    models: Mapping[str, Artifact],
    tensors: Mapping[str, Tensors],
    shard: list[Tensor],
    max_bytes: int,
) -> Iterator[bytes]:
    """The merged bytes of a shard, in order, each piece within the bound on memory."""
    for tensor in shard:
        width = DTYPE_BYTES[tensor.dtype]
        piece = max(1, max_bytes // (4 * width + SCRATCH_BYTES_PER_ELEMENT)) * width
        for start in range(0, tensor.length, piece):
            length = min(piece, tensor.length - start)
            onto, base, instruct = (
                _read(models[role], tensors[role][tensor.name], start, length) for role in ROLES
            )
            try:
                yield merge_slice(onto, base, instruct, tensor.dtype)
            except FloatingPointError as error:
                where = ", ".join(f"--{role} {models[role].uri}" for role in ROLES)
                raise BadInputError(f"tensor {tensor.name}: {error} ({where})") from error


def _read(model: Artifact, tensor: Tensor, start: int, length: int) -> memoryview:
    return model.read_range(tensor.file, tensor.start + start, length)


def _write_shard(
    out: ArtifactWriter,
    file: str,
    shard: list[Tensor],
    slices: Iterator[bytes],
    progress: Progress,
) -> None:
    with out.open(file) as target:
        target.write(_header(shard))
        for data in slices:
            target.write(data)
            progress.advance(len(data))


def _header(shard: list[Tensor]) -> bytes:
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    place = 0
    for tensor in shard:
        offsets = [place, place + tensor.length]
        shape = list(tensor.shape)
        entries[tensor.name] = {"dtype": tensor.dtype, "shape": shape, "data_offsets": offsets}
        place += tensor.length
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format asks for data aligned to 8 bytes
    return struct.pack("<Q", len(text)) + text


def _copy_side_files(out: ArtifactWriter, onto: Artifact, instruct: Artifact) -> None:
    """The config is onto's; whatever concerns chat is the instruct model's."""
    out.copy(onto, CONFIG)
    for name in (GENERATION, *TOKENIZER_FILES):
        if name in instruct:
            out.copy(instruct, name)
