"""The curation of a corpus: read twice, part by part; what is removed is listed with its rule."""

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.artifacts.reading import Artifact
from jobs.command.progress import Progress
from jobs.command.running import Job, Statistics
from jobs.curate.rules import RULES, Rules, Sighting
from jobs.curate.settings import CurateSettings
from jobs.kinds.articles import SCHEMA, article_parts, read_part, write_part

REMOVED = "removed.parquet"
REMOVED_SCHEMA = pa.schema(
    [
        ("url", pa.string()),
        ("rule", pa.string()),
        ("duplicate_of", pa.string()),  # URL of the article that was kept; null for other rules
    ]
)


def curate(job: Job[CurateSettings]) -> Statistics:
    """Writes the parts again without the removed articles, and `REMOVED`; returns the counts."""
    settings, articles = job.settings, job.inputs["articles"]
    rules = Rules(settings.min_characters, settings.max_characters)
    removed: Counter[str] = Counter()
    kept = characters = 0
    with (
        Progress("curate", 2 * len(article_parts(articles)), "parts") as progress,
        job.out.open(REMOVED) as file,
        pq.ParquetWriter(file, REMOVED_SCHEMA, compression="zstd") as removed_writer,
    ):
        for _, table, sightings in _parts(articles):
            for body, sighting in zip(table["body"].to_pylist(), sightings, strict=True):
                rules.see(body, sighting)
            progress.advance(1)
        for path, table, sightings in _parts(articles):
            good, gone = _judged(table, sightings, rules)
            with job.out.open(path) as target:
                write_part(target, good)
            removed_writer.write_table(gone)
            removed.update(gone["rule"].to_pylist())
            kept += good.num_rows
            characters += sum(map(len, good["body"].to_pylist()))
            progress.advance(1)
    return {
        "total": kept + removed.total(),
        "kept": kept,
        "removed": {rule: removed[rule] for rule in RULES},
        "characters": characters,
    }


def _judged(table: pa.Table, sightings: list[Sighting], rules: Rules) -> tuple[pa.Table, pa.Table]:
    """The articles to keep, and a row of `REMOVED_SCHEMA` for each of the others."""
    good, gone = [], []
    for body, sighting in zip(table["body"].to_pylist(), sightings, strict=True):
        verdict = rules.judge(body, sighting)
        good.append(verdict is None)
        if verdict is not None:
            gone.append({"url": sighting.url, "rule": verdict.rule, "duplicate_of": verdict.of})
    kept = table.filter(pa.array(good, pa.bool_()))
    return kept, pa.Table.from_pylist(gone, schema=REMOVED_SCHEMA)


def _parts(articles: Artifact) -> Iterator[tuple[str, pa.Table, list[Sighting]]]:
    """Path, articles, and sighting of each article; one part is in memory at a time."""
    position = 0
    for path in article_parts(articles):
        table = pa.Table.from_batches(read_part(articles, path), SCHEMA)
        times, urls = table["published_at"].to_pylist(), table["url"].to_pylist()
        positions = range(position, position + table.num_rows)
        yield path, table, [Sighting(*item) for item in zip(times, urls, positions, strict=True)]
        position += table.num_rows
