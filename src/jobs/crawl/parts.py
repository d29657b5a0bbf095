"""One archive, one part: the articles as Parquet, and in its metadata what became of the pages.

A part says which plan it belongs to, so a job that was stopped finds the parts that it had
finished and reads only the other archives.
"""

import hashlib
import io
import json
import logging
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait
from typing import Any, TypeAlias

import pyarrow as pa
from pydantic import NonNegativeInt, TypeAdapter

from jobs.artifacts.writing import ArtifactWriter
from jobs.command.logs import set_up_logging
from jobs.crawl.archives import Archive, Period
from jobs.crawl.publishers import all_publishers
from jobs.crawl.reading import ArchiveReader, Tally
from jobs.crawl.repeatable import make_repeatable
from jobs.crawl.server import Server
from jobs.errors import EXIT_TRANSIENT, BadInputError, TransientError
from jobs.kinds.articles import ROW_GROUP_ROWS, SCHEMA, write_part
from jobs.kinds.parquet import ParquetFile
from jobs.store.failures import NotFoundError
from jobs.store.prefix import Prefix

PLAN, TALLY, RECORDS = "perennial.plan", "perennial.tally", "perennial.records"
MAX_FAILED_IN_A_ROW = 5
MAX_WHY = 500
MAX_PART_BYTES = 2**30
TALLIES = TypeAdapter(dict[str, dict[str, NonNegativeInt]], config={"strict": True})
THREE = TypeAdapter(tuple[NonNegativeInt, NonNegativeInt, NonNegativeInt])

log = logging.getLogger("crawl")


@dataclass(frozen=True)
class Plan:
    """What is the same for all archives of a crawl."""

    server: Server
    publishers: tuple[str, ...]
    period: Period
    checked: bool
    version: str

    @property
    def identity(self) -> str:
        """Equal for plans that make equal parts of an archive."""
        said = [self.version, str(self.period), self.publishers, self.checked]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


@dataclass(frozen=True)
class Part:
    """What became of an archive that was read: counts of its records, pages and articles.

    `num_damaged` are records that name no chosen publisher, `num_repaired` pages with replaced
    characters (`jobs.crawl.reading.ArchiveReader`).
    """

    archive: Archive
    num_records: int
    num_damaged: int
    num_repaired: int
    tally: Tally
    languages: Counter[str]


@dataclass(frozen=True)
class Failure:
    """Why there is no part of an archive."""

    archive: Archive
    why: str


Outcome: TypeAlias = Part | Failure


def part_path(archive: Archive) -> str:
    """Where the part of an archive lies, below the artifact."""
    return f"part-{archive.name}.parquet"


def read_archive(plan: Plan, archive: Archive) -> bytes | Failure:
    """The file of one archive's part. Reads anew after an error; holds the articles in memory.

    Whatever goes wrong is this archive's failure, but for want of memory: TransientError.
    """
    try:
        return _part_of(plan, archive)
    except TransientError as error:
        return Failure(archive, str(error)[:MAX_WHY])
    except MemoryError as error:
        raise TransientError(
            f"not enough memory for {archive.path}; give the job more, or lower --processes"
        ) from error
    except Exception as error:
        log.debug("unexpected archive=%s", archive.name, exc_info=True)
        why = f"{archive.path}: unexpected {type(error).__name__}: {error}"
        return Failure(archive, why[:MAX_WHY])


def _part_of(plan: Plan, archive: Archive) -> bytes:
    everyone = all_publishers()
    named = {name: everyone[name] for name in plan.publishers}

    def attempt() -> tuple[ArchiveReader, list[dict[str, Any]]]:
        with plan.server.stream(archive.path) as packed:
            reader = ArchiveReader(packed, archive.path, named)
            return reader, reader.articles(plan.period, plan.checked)

    make_repeatable()
    reader, rows = plan.server.retrying(attempt)
    records = [reader.num_records, reader.num_damaged, reader.num_repaired]
    metadata = {
        PLAN: plan.identity,
        TALLY: json.dumps(reader.tally, sort_keys=True),
        RECORDS: json.dumps(records),
    }
    file = io.BytesIO()
    write_part(file, pa.Table.from_pylist(rows, schema=SCHEMA), metadata)
    return file.getvalue()


def describe_part(archive: Archive, data: bytes) -> Part:
    """What a part's file says of itself, which is read whole. Raises BadInputError."""
    file = ParquetFile.held(part_path(archive), data, SCHEMA)
    languages = Counter(
        language
        for batch in file.batches(ROW_GROUP_ROWS)
        for language in batch["language"].to_pylist()
    )
    with file.checked():
        metadata = file.schema.metadata
        tally = TALLIES.validate_json(metadata[TALLY.encode()])
        records, damaged, repaired = THREE.validate_json(metadata[RECORDS.encode()])
    counted = {publisher: Counter(counts) for publisher, counts in tally.items()}
    return Part(archive, records, damaged, repaired, counted, languages)


def kept_part(place: Prefix, plan: Plan, archive: Archive) -> tuple[bytes, Part] | None:
    """The part that an earlier attempt left, if it is whole and of this very plan."""
    try:
        data = place.read(part_path(archive), MAX_PART_BYTES)
        metadata = ParquetFile.held(part_path(archive), data, SCHEMA).schema.metadata or {}
        if metadata.get(PLAN.encode()) != plan.identity.encode():
            return None
        return data, describe_part(archive, data)
    except (NotFoundError, BadInputError):
        return None


def write_parts(
    out: ArtifactWriter,
    plan: Plan,
    archives: Sequence[Archive],
    processes: int,
    done: Callable[[Outcome], None],
) -> None:
    """Makes every archive's part, in no promised order, and tells `done` of each.

    Parts that are there already are only verified. After `MAX_FAILED_IN_A_ROW` the server is
    taken for down, and the rest is left for another attempt: TransientError.
    """
    missing = _missing(out, plan, archives, done)
    failed_in_a_row = 0
    for archive, made in _read_all(plan, missing, processes):
        if isinstance(made, bytes):
            out.write(part_path(archive), made)
            done(describe_part(archive, made))
            failed_in_a_row = 0
            continue
        log.error("failed archive=%s %s", archive.name, made.why)
        done(made)
        failed_in_a_row += 1
        if failed_in_a_row == MAX_FAILED_IN_A_ROW:
            raise TransientError(
                f"{failed_in_a_row} archives failed in a row, the last because {made.why}; "
                "the parts that are done are kept, the same command continues"
            )


def _missing(
    out: ArtifactWriter,
    plan: Plan,
    archives: Sequence[Archive],
    done: Callable[[Outcome], None],
) -> list[Archive]:
    """The archives still to read; the parts of the others are counted in."""
    missing = []
    for archive in archives:
        path = part_path(archive)
        found = (kept_part(place, plan, archive) for place in out.left(path))
        kept = next(filter(None, found), None)
        if kept is None:
            missing.append(archive)
        else:
            data, part = kept
            out.write(path, data)
            done(part)
    return missing


def _begin_process() -> None:
    """A process of the pool: it logs, and ends when the one that made the pool ends.

    Its parent is the fork server, which lives as long as one of its forks does.
    """
    set_up_logging()
    creator = parent_process()
    assert creator is not None

    def watch() -> None:
        wait([creator.sentinel])
        os._exit(EXIT_TRANSIENT)

    threading.Thread(target=watch, daemon=True).start()


def _read_all(
    plan: Plan, archives: Sequence[Archive], processes: int
) -> Iterator[tuple[Archive, bytes | Failure]]:
    if processes <= 1:
        for archive in archives:
            yield archive, read_archive(plan, archive)
        return
    # Not forked from this process, whose store has threads, but from one that has only imported.
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(processes, context, initializer=_begin_process) as pool:
        reading = {pool.submit(read_archive, plan, archive): archive for archive in archives}
        try:
            for future in as_completed(tuple(reading)):
                yield reading.pop(future), future.result()
        except BrokenProcessPool as error:
            raise TransientError(
                "a process that read archives was killed, perhaps for want of memory; "
                "give the job more, or lower --processes"
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in active_children():
                child.terminate()
            raise
