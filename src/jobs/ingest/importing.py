"""Copies a model's files into the store, and checks that they make a model."""

from typing import Any

from jobs.artifact import Artifact, ArtifactWriter
from jobs.command_line import Job, Statistics
from jobs.errors import BadInputError
from jobs.ingest.files import choose
from jobs.ingest.settings import IngestSettings
from jobs.ingest.source import Source, open_source
from jobs.model import parameters, read_tensors, tokenizer_part
from jobs.progress import Progress


def import_model(job: Job[IngestSettings]) -> Statistics:
    """Copies the files one at a time; returns what the model is. Raises BadInputError."""
    source = open_source(job.settings.source, job.settings.revision)
    names = choose(source.names(), job.settings.source)
    with Progress("ingest", len(names), "files") as progress:
        for name in names:
            _copy(source, name, job.out)
            progress.advance()
    return {"source": job.settings.source, **_describe(job.out.view(), source.commit)}


def _copy(source: Source, name: str, out: ArtifactWriter) -> None:
    with source.file(name) as path:
        out.upload_file(path, name)


def _describe(model: Artifact, commit: str | None) -> dict[str, Any]:
    tensors = read_tensors(model)
    config = model.read_json("config.json")
    if not isinstance(config, dict) or not config.get("architectures"):
        raise BadInputError(f"{model.uri}/config.json names no architecture; it is no model's")
    return {
        "parameters": parameters(tensors.values()),
        "architecture": config["architectures"][0],
        "revision": commit,
        "outputs": {"tokenizer_digest": str(tokenizer_part(model).part)[:16]},
    }
