"""The curation of a corpus: read three times, by batches; what is removed is listed with its rule.

Memory: a batch of articles (`jobs.kinds.articles`), and some hundred bytes an article.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.command.progress import Progress
from jobs.command.running import Job, Statistics
from jobs.curate.rules import Article, Rules, Sighting, own_rules
from jobs.curate.settings import CurateSettings
from jobs.kinds.articles import article_parts, read_part, write_batches
from jobs.kinds.captures import older_captures

REMOVED = "removed.parquet"
KEPT, CHARACTERS = "kept", "characters"
REMOVED_SCHEMA = pa.schema(
    [
        ("url", pa.string()),
        ("rule", pa.string()),
        ("duplicate_of", pa.string()),  # URL of the article that was kept; null for other rules
    ]
)


def curate(job: Job[CurateSettings]) -> Statistics:
    """Writes the parts again without the removed articles, and `REMOVED`; returns the counts."""
    articles = job.inputs["articles"]
    rules = Rules(own_rules(job.settings), older_captures(articles))
    paths = article_parts(articles)
    count: Counter[str] = Counter()
    with (
        Progress("curate", 2 * len(paths), "parts") as progress,
        job.out.open(REMOVED) as file,
        pq.ParquetWriter(file, REMOVED_SCHEMA, compression="zstd") as removed_writer,
    ):
        position = 0
        for path in paths:
            for batch in read_part(articles, path):
                for article in _articles(batch, position):
                    rules.see(article)
                position += batch.num_rows
            progress.advance(1)
        position = 0
        for path in paths:
            with job.out.open(path) as target:
                judge = _Judge(rules, position, count, removed_writer)
                write_batches(target, map(judge.kept, read_part(articles, path)))
                position = judge.position
            progress.advance(1)
    removed = {rule: count[rule] for rule in rules.names}
    return {
        "total": count[KEPT] + sum(removed.values()),
        "kept": count[KEPT],
        "removed": removed,
        "characters": count[CHARACTERS],
    }


@dataclass
class _Judge:
    """Judges batches in order; `position` is that of the next article in the corpus."""

    rules: Rules
    position: int
    count: Counter[str]
    removed: pq.ParquetWriter

    def kept(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The articles to keep; a row of `REMOVED_SCHEMA` is written for each of the others."""
        good, gone = [], []
        for article in _articles(batch, self.position):
            verdict = self.rules.judge(article)
            good.append(verdict is None)
            if verdict is None:
                self.count[CHARACTERS] += len(article.body)
            else:
                url = article.sighting.url
                gone.append({"url": url, "rule": verdict.rule, "duplicate_of": verdict.of})
                self.count[verdict.rule] += 1
        self.count[KEPT] += sum(good)
        self.position += batch.num_rows
        self.removed.write_table(pa.Table.from_pylist(gone, schema=REMOVED_SCHEMA))
        return batch.filter(pa.array(good, pa.bool_()))


def _articles(batch: pa.RecordBatch, position: int) -> Iterator[Article]:
    """The articles of a batch; the first stands at `position` in the corpus.

    Bodies are made one at a time: a batch of them takes as much again as text of Python's.
    """
    names = ("published_at", "url", "publisher", "title", "language")
    columns = [batch[name].to_pylist() for name in names]
    bodies = batch["body"]
    for index, (time, url, publisher, title, language) in enumerate(zip(*columns, strict=True)):
        sighting = Sighting(time, url, position + index)
        yield Article(sighting, publisher, title, bodies[index].as_py(), language)
