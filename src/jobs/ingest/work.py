"""Copies a model's files into the store in one form, and checks that they make a model.

What comes out: ``config.json``, whose type is that of the weights; ``model.safetensors``, or shards
named as transformers names them with an index that lists every tensor and their size; a
``tokenizer.json``; and what there is of chat templates, generation settings and licences. What
cannot be brought into this form without guessing is refused.
"""

import logging
from collections.abc import Mapping
from fnmatch import fnmatch
from typing import Any

from jobs.artifacts.reading import MAX_JSON_BYTES, Artifact
from jobs.command.progress import Progress
from jobs.command.running import Job, Statistics
from jobs.ingest.checks import (
    check_config,
    check_heads,
    check_side_files,
    check_tokenizer,
    check_tokens,
    with_true_type,
)
from jobs.ingest.complete import check_complete
from jobs.ingest.copying import Copier
from jobs.ingest.files import WEIGHTS, choose, choose_weights
from jobs.ingest.inside import local_errors
from jobs.ingest.settings import IngestSettings
from jobs.ingest.source import Source, open_source
from jobs.kinds.model import (
    CONFIG,
    INDEX,
    check_index,
    index_json,
    parameters,
    parse_index,
    read_file,
    read_tensors,
    tokenizer_of,
)
from jobs.kinds.safetensors_header import Tensor
from jobs.store.source import place_of
from jobs.strict_json import check_memory, parse
from jobs.words import listed

log = logging.getLogger("ingest")


def import_model(job: Job[IngestSettings]) -> Statistics:
    """Copies the files one at a time; returns what the model is. Raises BadInputError."""
    where = job.settings.source
    source = open_source(where, job.settings.revision)
    copier = Copier(source, where, digesting=place_of(where) is not None)
    names = choose(source.names(), where)
    config = _read_json(source, CONFIG, where)
    architecture = check_config(config, where)
    index = None
    if INDEX in names:
        index = parse_index(_read_json(source, INDEX, where), f"{where}/{INDEX}")
    weights = choose_weights(names, index, where)
    large = [name for name in names if fnmatch(name, WEIGHTS)]
    small = [name for name in names if name not in (CONFIG, INDEX, *large)]
    if left_out := [name for name in large if name not in weights]:
        log.warning("left out: %s, which are no part of the model", listed(left_out))
    with Progress("ingest", len(small) + len(weights), "files") as progress:
        for name in small:
            copier.copy(name, job.out, name)
            progress.advance()
        check_side_files(_copied(job))
        for name, renamed in weights.items():
            copier.copy(name, job.out, renamed)
            progress.advance()
    _write_index(job, weights, index)
    tensors = read_tensors(_copied(job))
    notes = _check_model(job, config, tensors, copier)
    if copier.digesting:
        job.out.know("source", copier.digest(names))
    return {
        "source": where,
        "parameters": parameters(tensors.values()),
        "architecture": architecture,
        "revision": source.commit,
        **notes,
        "outputs": {"tokenizer_digest": str(tokenizer_of(job.out.view()).relevant)[:16]},
    }


def _check_model(
    job: Job[IngestSettings], config: dict[str, Any], tensors: Mapping[str, Tensor], copier: Copier
) -> dict[str, Any]:
    """Checks the whole, and writes the config; returns what was changed in it."""
    where, model = job.settings.source, _copied(job)
    check_heads(config, model, tensors, where)
    check_complete(config, tensors, where)
    check_tokens(config, model, tensors)
    check_tokenizer(model)
    mended, said_before = with_true_type(config, tensors.values())
    if said_before is None:
        copier.copy(CONFIG, job.out, CONFIG)
        return {}
    log.warning("config.json said %s; corrected to the type of the weights", said_before)
    job.out.write_json(CONFIG, mended)
    return {"config_said": said_before}


class _Copied(Artifact):
    """What was copied so far, which errors call by the name of where it came from."""

    source: str

    @property
    def uri(self) -> str:
        return self.source


def _copied(job: Job[IngestSettings]) -> Artifact:
    written = job.out.view()
    copied = _Copied(written.prefix, written.manifest)
    copied.source = job.settings.source
    return copied


def _write_index(
    job: Job[IngestSettings], weights: Mapping[str, str], index: Mapping[str, str] | None
) -> None:
    """Our own index where there are shards; the source's must say the same."""
    out, model, where = job.out, _copied(job), job.settings.source
    tensors = {file: read_file(model, file) for file in weights.values()}
    if index is not None:
        named = {name: weights[file] for name, file in index.items()}
        found = {tensor.name: tensor for some in tensors.values() for tensor in some}
        check_index(f"{where}/{INDEX}", named, found)
    if len(tensors) > 1:
        out.write_json(INDEX, index_json(tensors))


def _read_json(source: Source, name: str, where: str) -> Any:
    with source.open(name) as file, local_errors():
        check_memory(f"{where}/{name}", MAX_JSON_BYTES, file.seek(0, 2))
        file.seek(0)
        data = file.read(MAX_JSON_BYTES)
    return parse(data, f"{where}/{name}", MAX_JSON_BYTES, allow_nan=True)
