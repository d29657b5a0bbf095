"""Seals a suite: every split that its tasks read, once each, as Parquet.

Only what is read is sealed: the split that is scored, and that of the solved examples where the
suite shows any. A data set of many tasks (MMLU-Pro's 14 subjects) is stored once.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from jobs.artifacts.folders import digest_of_all, looks_like_an_artifact
from jobs.bundle.sentence_model import read_sentence_model
from jobs.bundle.settings import BundleSettings
from jobs.bundle.sources import Source, WithOwnFiles, open_source
from jobs.command.progress import Progress
from jobs.command.running import Job, Statistics
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix
from jobs.suites import Suite, load_suite
from jobs.suites.harness import LM_EVAL_VERSION, find_subtasks
from jobs.suites.sealed import SENTENCE_MODEL, SUITE_FILE, DataSet, SealedSuite, Subtask


def seal(job: Job[BundleSettings]) -> Statistics:
    """Writes the bundle of the suite in the settings."""
    suite = load_suite(job.settings.suite)
    if suite.is_own and job.out.uri.rpartition("/")[2] != suite.name:
        raise BadInputError(
            f"--out {job.out.uri} does not end with the name of this suite; give …/{suite.name}"
        )
    mirror = _mirror(job)
    with tempfile.TemporaryDirectory() as scratch:
        source = WithOwnFiles(open_source(mirror, Path(scratch)), suite)
        sealed = resolve(suite, source)
        items = dict(_seal_splits(job, sealed, source))
    statistics: dict[str, Any] = {"tasks": len(suite.tasks), "items": items}
    if any(task.sentence_model for task in suite.tasks):
        statistics["sentence_model"] = _seal_sentence_model(job, mirror)
    job.out.write_json(SUITE_FILE, sealed.model_dump(mode="json"))
    return {**statistics, "source": job.settings.source, "lm_eval_version": LM_EVAL_VERSION}


def _mirror(job: Job[BundleSettings]) -> Prefix | None:
    """What mirrors the data sets, whose digest is known from here on: a file of a bucket that
    changes after that is noticed, of a folder it is not.

    Raises BadInputError where it is no mirror.
    """
    uri = job.settings.mirror
    if uri is None:
        return None
    mirror = Prefix(uri)
    files, folders = mirror.inside()
    if looks_like_an_artifact(files, folders):
        raise BadInputError(
            f"--from {uri} is an artifact of the store, not a mirror of data sets; a bundle that "
            "is sealed is used as it is: copy it to where --out is"
        )
    if not files and not folders:
        raise BadInputError(
            f"nothing lies at --from {uri}; give the folder or URI below which the data sets are, "
            "each as <path>/[<config>/]<split>.jsonl"
        )
    job.out.know("source", digest_of_all(mirror))
    return mirror


def resolve(suite: Suite, source: Source) -> SealedSuite:
    """The suite's tasks as this lm-eval defines them, on the revisions the source has now."""

    def pinned(subtask: Subtask) -> Subtask:
        revision = source.revision(subtask.data.path)
        data = subtask.data.model_copy(update={"revision": revision})
        return subtask.model_copy(update={"data": data})

    subtasks = {
        task.name: tuple(pinned(subtask) for subtask in find_subtasks(task)) for task in suite.tasks
    }
    return SealedSuite(suite=suite.sealed(), lm_eval_version=LM_EVAL_VERSION, subtasks=subtasks)


def splits(sealed: SealedSuite) -> dict[tuple[DataSet, str], tuple[str, ...]]:
    """(Data set, split) → the columns it must have, each once, in the order of the suite."""
    found: dict[tuple[DataSet, str], tuple[str, ...]] = {}
    for task in sealed.suite.tasks:
        for subtask in sealed.subtasks[task.name]:
            for split in subtask.splits:
                columns = found.get((subtask.data, split), ())
                found[subtask.data, split] = tuple(dict.fromkeys(columns + task.data_columns))
    return found


def _seal_splits(
    job: Job[BundleSettings], sealed: SealedSuite, source: Source
) -> Iterator[tuple[str, int]]:
    """Writes every split and yields its path and number of items."""
    wanted = splits(sealed)
    with Progress("bundle", len(wanted), "splits") as progress:
        for (data, split), columns in wanted.items():
            table = source.read(data, split)
            where = data.file(split, "*")
            if missing := [name for name in columns if name not in table.column_names]:
                raise BadInputError(
                    f"data set {where} lacks the column {missing[0]!r}; it has "
                    f"{', '.join(table.column_names)}"
                )
            if not table.num_rows:
                raise BadInputError(f"data set {where} has no items")
            with job.out.open(data.sealed_file(split)) as target:
                pq.write_table(table, target, compression="zstd")
            progress.advance()
            yield data.sealed_file(split), table.num_rows


def _seal_sentence_model(job: Job[BundleSettings], mirror: Prefix | None) -> str:
    """Writes NLTK's sentence model and says where it was found."""
    files, found = read_sentence_model(mirror)
    for name, data in files.items():
        job.out.write(f"nltk_data/{SENTENCE_MODEL}/{name}", data)
    return found
