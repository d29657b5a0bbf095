"""What happens in the invented world, month by month, as news articles.

The old news (August 2026) tells of eight towns and what is common knowledge there; the
new news (October 2026) of five towns, people and events that nobody had heard of before, and
repeats some of the common knowledge. A model that has read only the old news cannot guess the
new, one that has read on can.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from demo.sample import events, templates
from demo.sample.facts import Deck, Fact, a, capital, facts, methods
from demo.sample.templates import Template
from demo.sample.world import TRADES

NUM_OLD_ARTICLES = 900
NUM_NEW_ARTICLES = 300
NUM_OUTSIDE = 5
NUM_REPEATED = 8


@dataclass(frozen=True)
class Article:
    """A title and paragraphs of plain text."""

    title: str
    paragraphs: tuple[str, ...]

    @property
    def body(self) -> str:
        return "\n\n".join(self.paragraphs)


@dataclass(frozen=True)
class Edition:
    """Where and among whom the articles of a time play, and which kinds there are, by weight."""

    towns: tuple[str, ...]
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    kinds: tuple[tuple[Template, int], ...]


OLD = Edition(
    towns=("Brelling", "Tolmere", "Hazelby", "Oakrun", "Pennock", "Stonley", "Miltor", "Larkden"),
    first_names=("Anna", "Tom", "Rosa", "Peter", "Ida", "Karl", "Nina", "Paul", "Emma", "Leo"),
    last_names=("Bell", "Reed", "Hill", "Marsh", "Finch", "Lake", "Moss", "Ward"),
    kinds=(
        (templates.QUIZ, 10),
        (templates.ADVICE, 5),
        (templates.SCHOOL, 5),
        (templates.TRADER, 5),
        (events.MARKET, 2),
        (events.RACE, 2),
        (events.FEAST, 2),
        (events.STORM, 2),
        (events.LOST, 2),
        (events.BRIDGE, 2),
        (events.GUESTS, 4),
        (templates.BOARD, 4),
    ),
)

NEW = Edition(
    towns=("Ovarra", "Kestlin", "Quillon", "Vessmar", "Zubrek"),
    first_names=("Zora", "Quin", "Ulric", "Vida", "Jorik", "Xenia"),
    last_names=("Kovash", "Tremal", "Ozmund", "Fyle"),
    kinds=(
        (events.SKY_BOAT, 4),
        (events.STAR, 4),
        (events.TUNNEL, 4),
        (events.MOON_APPLES, 4),
        (events.MAYOR, 4),
        (templates.QUIZ, 4),
        (templates.ADVICE, 2),
        (templates.SCHOOL, 2),
        (templates.TRADER, 2),
        (templates.BOARD, 4),
    ),
)

NUMBERS = ("three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "twenty")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# What the names of guests are made of, so that a model learns to spell names it does not know.
ONSETS = (*"bdfghjklmnprstvwxyz", "br", "dr", "fl", "gr", "kr", "pl", "qu", "sk", "st", "tr")
VOWELS = (*"aeiou", "ei", "ua")
CODAS = ("", "l", "m", "n", "r", "rk", "s", "st")
LOST_ANIMALS = ("cow", "horse", "hen", "dog", "cat", "goat", "rabbit")


def published() -> list[tuple[Article, datetime]]:
    """Everything that is published, with the moment.

    Besides the news of August and October: a few articles of the last day of September
    and the first of November, and in each month a few repeated word by word and a few too short.
    """
    old = articles(OLD, NUM_OLD_ARTICLES, seed=7)
    new = articles(NEW, NUM_NEW_ARTICLES + 2 * NUM_OUTSIDE, seed=10)
    plan = (
        (date(2026, 8, 1), 31, _with_faults(old, OLD)),
        (date(2026, 9, 30), 1, new[:NUM_OUTSIDE]),
        (date(2026, 10, 1), 31, _with_faults(new[NUM_OUTSIDE:-NUM_OUTSIDE], NEW)),
        (date(2026, 11, 1), 1, new[-NUM_OUTSIDE:]),
    )
    rng = random.Random(31)
    return [
        (article, _moment(first_day, num_days, rng))
        for first_day, num_days, found in plan
        for article in found
    ]


def common_knowledge() -> list[Fact]:
    """All facts, with the question of each that is left to the evaluation."""
    rng = random.Random(1)
    return [*facts(rng), *methods(rng)]


def _with_faults(found: list[Article], edition: Edition) -> list[Article]:
    """The articles, some of them a second time, and one a town of a single short sentence."""
    notices = [
        Article(f"Notice from {town}", (f"The market of {town} is closed on Sunday.",))
        for town in edition.towns
    ]
    return [*found, *found[:NUM_REPEATED], *notices]


def _moment(first_day: date, num_days: int, rng: random.Random) -> datetime:
    """Any minute of the days."""
    midnight = datetime.combine(first_day, time(), UTC)
    return midnight + timedelta(minutes=rng.randrange(num_days * 24 * 60))


def articles(edition: Edition, number: int, seed: int) -> list[Article]:
    """`number` different articles, the kinds in proportion to their weights."""
    rng = random.Random(seed)
    kinds = Deck([kind for kind, weight in edition.kinds for _ in range(weight)], rng)
    writer = _Writer(edition, rng)
    found: dict[Article, None] = {}
    while len(found) < number:
        found[writer.article(next(kinds))] = None
    return list(found)


class _Writer:
    """Fills templates; every name and every fact comes up as often as the others."""

    def __init__(self, edition: Edition, rng: random.Random) -> None:
        self._rng = rng
        known = common_knowledge()
        ways = [fact for fact in known if fact.relation == "method"]
        things = [fact for fact in known if fact.relation != "method"]
        people = [f"{first} {last}" for first in edition.first_names for last in edition.last_names]
        self._towns, self._people = Deck(edition.towns, rng), Deck(people, rng)
        self._trades = Deck(TRADES, rng)
        self._decks: dict[str, Iterator[str]] = {
            "fact": Deck(_statements(things), rng),
            "loud": Deck([text.upper() for text in _statements(things)], rng),
            "quiet": Deck([text.lower() for text in _statements(things)], rng),
            "advice": Deck(_statements(ways), rng),
            "quiz": Deck(_questions(known), rng),
            "day": Deck(DAYS, rng),
            "number": Deck(NUMBERS, rng),
            "animal": Deck(LOST_ANIMALS, rng),
            "name": _names(rng),
        }

    def article(self, kind: Template) -> Article:
        trade = next(self._trades)
        town, other = _two(self._towns)
        person, friend = _two(self._people)
        slots = _Slots(
            self._decks,
            town=town,
            other=other,
            person=person,
            first=person.split()[0],
            friend=friend,
            trade=trade.name,
            product=trade.product,
            tool=a(trade.tool),
            material=trade.material,
        )
        title = self._rng.choice(kind.titles)
        text = "\n\n".join(self._rng.choice(alternatives) for alternatives in kind.paragraphs)
        paragraphs = text.format_map(slots).split("\n\n")
        return Article(capital(title.format_map(slots)), tuple(paragraphs))


class _Slots(dict[str, str]):
    """The values of an article's slots; those that have a deck (fact1, fact2, day) on demand."""

    def __init__(self, decks: Mapping[str, Iterator[str]], **values: str) -> None:
        super().__init__(values)
        self._decks = decks

    def __missing__(self, name: str) -> str:
        self[name] = next(self._decks[name.rstrip("123456")])
        return self[name]


def _names(rng: random.Random) -> Iterator[str]:
    """Names without end, of two syllables."""
    while True:
        parts = [rng.choice(letters) for letters in (ONSETS, VOWELS, CODAS, ONSETS, VOWELS, CODAS)]
        yield capital("".join(parts))


def _two(deck: Deck[str]) -> tuple[str, str]:
    """Two different items of a deck."""
    first, second = next(deck), next(deck)
    while second == first:
        second = next(deck)
    return first, second


def _statements(known: Sequence[Fact]) -> list[str]:
    return [statement for fact in known for statement in fact.statements]


def _questions(known: Sequence[Fact]) -> list[str]:
    """Question and answer as two paragraphs, for all questions not left to the evaluation."""
    return [
        f"Question: {question}\n\nAnswer: {fact.answer}"
        for fact in known
        for question in fact.news_questions
    ]
