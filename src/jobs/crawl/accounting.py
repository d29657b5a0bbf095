"""The account of a crawl: every month, archive and publisher ends as done, failed or skipped.

Of each archive and publisher that was read, ``pages`` = ``kept`` + the sum of ``dropped``, whose
reasons are listed in `jobs.crawl.reading`; pages of publishers not chosen are only in
``records``, and only by archive. ``damaged_records`` are those that name no chosen publisher, as
far as they can be read at all; ``repaired_pages``, also among ``pages``, had a few bytes that are
no characters, which were replaced.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fundus.publishers import Publisher

from jobs.crawl.archives import Listing
from jobs.crawl.parts import Failure, Outcome, Part
from jobs.crawl.publishers import OptOut
from jobs.crawl.reading import KEPT

DONE, FAILED, SKIPPED = "done", "failed", "skipped"

Entry = dict[str, Any]


def account_for(
    listing: Listing,
    outcomes: Sequence[Outcome],
    publishers: Mapping[str, Publisher],
    opt_outs: Mapping[str, OptOut],
) -> dict[str, dict[str, Entry]]:
    """What became of each month's list, each archive and each publisher."""
    by_publisher: dict[str, Counter[str]] = {name: Counter() for name in publishers}
    for outcome in outcomes:
        if isinstance(outcome, Part):
            for name, counts in outcome.tally.items():
                by_publisher[name].update(counts)
    return {
        "months": {month: _month(count) for month, count in listing.months.items()},
        "archives": {outcome.archive.name: _archive(outcome) for outcome in outcomes},
        "publishers": {
            name: {"name": publisher.name, **_publisher(by_publisher[name], opt_outs.get(name))}
            for name, publisher in publishers.items()
        },
    }


def summary(account: Mapping[str, Mapping[str, Entry]], outcomes: Iterable[Outcome]) -> Entry:
    """The account in a few numbers, for the statistics of the artifact."""
    languages: Counter[str] = Counter()
    pages: Counter[str] = Counter()
    damage: Counter[str] = Counter()
    for outcome in outcomes:
        if isinstance(outcome, Part):
            languages.update(outcome.languages)
            pages.update(_total(outcome))
            damage.update(_damage(outcome))
    counted = {
        what: {end: _ended(entries, end) for end in (DONE, FAILED, SKIPPED)}
        for what, entries in account.items()
    }
    by_frequency = sorted(languages.items(), key=lambda item: (-item[1], item[0]))
    return {
        "articles": pages[KEPT],
        **_pages(pages),
        **damage,
        **counted,
        "languages": dict(by_frequency),
    }


def _ended(entries: Mapping[str, Entry], outcome: str) -> int:
    return sum(entry["outcome"] == outcome for entry in entries.values())


def _month(num_archives: int | None) -> Entry:
    if num_archives is None:
        return {"outcome": SKIPPED, "why": "the server does not have it"}
    return {"outcome": DONE, "archives": num_archives}


def _archive(outcome: Outcome) -> Entry:
    if isinstance(outcome, Failure):
        return {"outcome": FAILED, "why": outcome.why}
    counts = {"records": outcome.num_records, **_damage(outcome), **_pages(_total(outcome))}
    return {"outcome": DONE, **counts}


def _publisher(counts: Counter[str], opt_out: OptOut | None) -> Entry:
    if opt_out is None:
        return {"outcome": DONE, "training": "unchecked", **_pages(counts)}
    if opt_out.allows_training:
        return {"outcome": DONE, "training": opt_out.why, **_pages(counts)}
    unknown = opt_out.allows_training is None
    return {"outcome": FAILED if unknown else SKIPPED, "why": opt_out.why}


def _damage(part: Part) -> dict[str, int]:
    return {"damaged_records": part.num_damaged, "repaired_pages": part.num_repaired}


def _total(part: Part) -> Counter[str]:
    return sum(part.tally.values(), Counter())


def _pages(counts: Counter[str]) -> Entry:
    dropped = {reason: counts[reason] for reason in sorted(counts) if reason != KEPT}
    return {"pages": counts.total(), "kept": counts[KEPT], "dropped": dropped}
