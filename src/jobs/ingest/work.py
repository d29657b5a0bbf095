"""Copies a model's files into the store, and checks that they make a model."""

from typing import Any

from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.command.progress import Progress
from jobs.command.running import Job, Statistics
from jobs.errors import BadInputError
from jobs.ingest.files import choose
from jobs.ingest.settings import IngestSettings
from jobs.ingest.source import Source, local_errors, open_source
from jobs.kinds.model import CONFIG, parameters, read_tensors, tokenizer_of
from jobs.words import shown


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
    with source.file(name) as path, local_errors():
        out.upload_file(path, name)


def _describe(model: Artifact, commit: str | None) -> dict[str, Any]:
    tensors = read_tensors(model)
    return {
        "parameters": parameters(tensors.values()),
        "architecture": _architecture(model),
        "revision": commit,
        "outputs": {"tokenizer_digest": str(tokenizer_of(model).relevant)[:16]},
    }


def _architecture(model: Artifact) -> str:
    config = model.read_json(CONFIG)
    architectures = config.get("architectures") if isinstance(config, dict) else None
    if not isinstance(architectures, list) or not architectures:
        raise BadInputError(f"{model.uri}/{CONFIG} names no architecture; it is no model's")
    if not isinstance(architectures[0], str):
        raise BadInputError(
            f"{model.uri}/{CONFIG} names the architecture {shown(architectures[0])}, "
            "expected a class of transformers"
        )
    return architectures[0]
