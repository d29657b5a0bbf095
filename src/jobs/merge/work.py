"""Streams the models from the store, piece by piece, and writes the candidate or the residual.

Memory: the slots of `jobs.merge.stream.stream`, bounded by ``--max-bytes``; beside them the
interpreter, its libraries, and on a bucket the parts under way. Never a whole model, nor a copy on
local disk.

Taken from which model:

    tensors' names and shapes         onto (of a residual: instruct)
    tensors' types                    instruct (of a residual: --dtype; added to onto: onto's)
    config.json                       onto, with what concerns chat from instruct
                                      (table in `jobs.fit.configuration.merged_config`)
    tokenizer, chat templates,        instruct, or the residual, which has instruct's
    generation_config.json            the same
"""

import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.command.progress import Progress
from jobs.command.running import Job, Statistics
from jobs.fit.fitting import RESIDUAL, Fit, fit
from jobs.fit.shapes import Tensors
from jobs.kinds.model import CONFIG, INDEX, chat_files, index_json, shard_names
from jobs.kinds.promises import MovedWeights
from jobs.kinds.safetensors_header import DTYPE_BYTES, header_bytes
from jobs.merge.arithmetic import groups
from jobs.merge.arithmetic.merge import Moments
from jobs.merge.settings import MergeSettings
from jobs.merge.stream.computing import Arithmetic
from jobs.merge.stream.resume import Records
from jobs.merge.stream.source import Source
from jobs.merge.stream.stream import Merged, Stream
from jobs.merge.targets import Target, cut_into_shards, num_pieces, pieces, targets

Shards = Mapping[str, Sequence[Target]]
DTYPES = {"float32": "F32", "bfloat16": "BF16", "float16": "F16"}
"""A residual's types, as a safetensors file names them."""


def merge(job: Job[MergeSettings]) -> Statistics:
    """Writes onto + (instruct − base), or instruct − base, or onto + residual.

    Raises BadInputError where the models do not fit.
    """
    started = time.monotonic()
    settings = job.settings
    found = fit(
        job.inputs,
        allow_config=settings.allow_config,
        extend=settings.vocabulary == "extend",
        max_bytes=settings.max_bytes,
    )
    dtype = None if "onto" in job.inputs else DTYPES[settings.dtype]
    made = targets(found.tensors, found.rows, dtype)
    cut = cut_into_shards(made, settings.shard_bytes)
    shards = dict(zip(shard_names(len(cut)), cut, strict=True))
    moments, facts = _write_shards(job, found, shards)
    _write_side_files(job.out, job.inputs, found, shards)
    moved = facts["bytes_read"] + facts["bytes_written"]
    return {
        "parameters": sum(target.tensor.elements for target in made),
        "tensors": len(made),
        "shards": len(shards),
        **facts,
        "gigabytes_per_second": round(moved / (time.monotonic() - started) / 1e9, 3),
        **({} if "onto" in job.inputs else {"inexact": sum(m.inexact for m in moments.values())}),
        **found.notes,
        **MovedWeights(
            change=groups.total(moments), groups=tuple(groups.by_group(moments))
        ).model_dump(mode="json"),
    }


def _write_shards(
    job: Job[MergeSettings], found: Fit, shards: Shards
) -> tuple[dict[str, Moments], dict[str, Any]]:
    """Writes the shards that are not there yet; moments by tensor, and what was read."""
    sources = {
        role: Source(job.inputs[role], {tensor.file for tensor in tensors.values()})
        for role, tensors in found.sources.items()
    }
    records = Records(job.out, {role: source.versions() for role, source in sources.items()})
    moments: dict[str, Moments] = {}
    for file in shards:
        if record := records.take(file):
            moments.update(record.moments)
    todo = {file: shard for file, shard in shards.items() if file not in job.out}
    total, left = (sum(map(_bytes, some.values())) for some in (shards, todo))
    widths = _widths(found.sources, shards)
    with (
        Progress("merge", total, "bytes", done=total - left) as progress,
        Stream(sources, Arithmetic(job.inputs), widths, job.settings.max_bytes) as stream,
    ):
        most = stream.most_elements
        merged = stream.run(piece for shard in todo.values() for piece in pieces(shard, most))
        for file, shard in todo.items():
            here = itertools.islice(merged, num_pieces(shard, most))
            done = _write_shard(job.out, file, shard, here, stream, progress)
            records.save(job.out.written(file), done)
            moments.update(done)
        stream.verify()
    busy = {name: round(seconds, 2) for name, seconds in sorted(stream.busy.items())}
    read = sum(source.bytes_read for source in sources.values())
    return moments, {"bytes_read": read, "bytes_written": left, "busy": busy}


def _write_shard(
    out: ArtifactWriter,
    file: str,
    shard: Sequence[Target],
    merged: Iterable[Merged],
    stream: Stream,
    progress: Progress,
) -> dict[str, Moments]:
    """Moments by tensor of this shard."""
    moments = {target.tensor.name: Moments() for target in shard}
    with out.open(file, _bytes(shard)) as opened:
        opened.write(header_bytes(target.tensor for target in shard))
        for one in merged:
            stream.timed("write", opened.write, one.data)
            moments[one.piece.tensor.name].add(one.moments)
            progress.advance(len(one.data))
    return moments


def _write_side_files(
    out: ArtifactWriter, inputs: Mapping[str, Artifact], found: Fit, shards: Shards
) -> None:
    """Index, config, and what makes it answer a chat as the instruct model does."""
    if len(shards) > 1:
        tensors = {file: [target.tensor for target in shard] for file, shard in shards.items()}
        out.write_json(INDEX, index_json(tensors))
    out.write_json(CONFIG, found.config)
    if "onto" not in inputs:
        out.write_json(RESIDUAL, {"base_rows": found.base_rows})
    chat = inputs.get("instruct") or inputs["residual"]
    for name in chat_files(chat):
        out.copy(chat, name)


def _bytes(targets: Iterable[Target]) -> int:
    return sum(target.tensor.length for target in targets)


def _widths(sources: Mapping[str, Tensors], shards: Shards) -> dict[str, int]:
    """Bytes of the widest element by role, and of the result's under ``out``."""
    tensors = {role: list(some.values()) for role, some in sources.items()}
    tensors["out"] = [target.tensor for shard in shards.values() for target in shard]
    return {
        role: max((DTYPE_BYTES[tensor.dtype] for tensor in some), default=1)
        for role, some in tensors.items()
    }
