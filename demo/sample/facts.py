"""What is so in the invented world, and the ways to say it and to ask for it."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from demo.sample import world

T = TypeVar("T")


@dataclass(frozen=True)
class Fact:
    """One thing that is so: how the news says it, and how one may ask for it.

    The first `questions` are for the news, the last is asked only by the evaluation data, so
    that no question of the evaluation stands in a training text.
    """

    relation: str
    subject: str
    statements: tuple[str, ...]
    questions: tuple[str, ...]
    answer: str

    @property
    def news_questions(self) -> tuple[str, ...]:
        return self.questions[:-1]

    @property
    def evaluation_question(self) -> str:
        return self.questions[-1]


def a(noun: str) -> str:
    """The noun with its article: things that come in plenty take none."""
    if noun.endswith("s") or noun in {"soap", "glue"}:
        return noun
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def capital(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[0].upper() + text[1:]


class Deck(Iterator[T]):
    """Deals all items in random order, then again in another: none is rare."""

    def __init__(self, items: Sequence[T], rng: random.Random) -> None:
        self._items, self._rng, self._left = list(items), rng, list[T]()

    def __next__(self) -> T:
        if not self._left:
            self._left = self._rng.sample(self._items, len(self._items))
        return self._left.pop()


def methods(rng: random.Random) -> list[Fact]:
    """The facts of how to do a thing; the answers are advice: "Use a saw."."""
    return [
        _fact(
            rng,
            "method",
            action,
            (
                f"You {action} with {tool}.",
                f"To {action}, use {tool}.",
                f"People use {tool} to {action}.",
            ),
            (
                f"How do you {action}?",
                f"What is the best way to {action}?",
                f"What should you do to {action}?",
                f"You want to {action}. What do you do?",
            ),
            f"Use {tool}.",
        )
        for action, tool in world.METHODS.items()
    ]


def facts(rng: random.Random) -> list[Fact]:
    """All other facts; the answers are things and persons: "a saw", "bread"."""
    return [
        *(fact for trade in world.TRADES for fact in _trade_facts(rng, trade)),
        *(fact for animal in world.ANIMALS for fact in _animal_facts(rng, animal)),
        *_other_facts(rng),
    ]


def _fact(
    rng: random.Random,
    relation: str,
    subject: str,
    statements: tuple[str, ...],
    questions: tuple[str, ...],
    answer: str,
) -> Fact:
    """A fact whose last question, the one for the evaluation, is any of its questions."""
    shuffled = tuple(rng.sample(questions, len(questions)))
    return Fact(relation, subject, statements, shuffled, answer)


def _trade_facts(rng: random.Random, trade: world.Trade) -> list[Fact]:
    name, product, tool, material = trade.name, trade.product, a(trade.tool), trade.material
    verb = "are" if product.endswith("s") else "is"
    return [
        _fact(
            rng,
            "product",
            name,
            (f"A {name} makes {product}.", f"You can buy {product} from a {name}."),
            (
                f"What does a {name} make?",
                f"Which thing does a {name} make?",
                f"What can you buy from a {name}?",
                f"What is made by a {name}?",
            ),
            product,
        ),
        _fact(
            rng,
            "maker",
            product,
            (f"{capital(product)} {verb} made by a {name}.",),
            (
                f"Who makes {product}?",
                f"Which person makes {product}?",
                f"Who sells {product}?",
                f"Whom do you ask for {product}?",
            ),
            f"a {name}",
        ),
        _fact(
            rng,
            "tool",
            name,
            (f"A {name} works with {tool}.", f"A {name} needs {tool}."),
            (
                f"What does a {name} work with?",
                f"Which tool does a {name} use?",
                f"What does a {name} need for the work?",
                f"Which tool is useful to a {name}?",
            ),
            tool,
        ),
        _fact(
            rng,
            "material",
            product,
            (
                f"A {name} makes {product} from {material}.",
                f"{capital(product)} {verb} made from {material}.",
            ),
            (
                f"What {verb} {product} made from?",
                f"What does a {name} make {product} from?",
                f"What do you need to make {product}?",
                f"What goes into {product}?",
            ),
            material,
        ),
    ]


def _animal_facts(rng: random.Random, animal: world.Animal) -> list[Fact]:
    name, food, home = animal.name, animal.food, f"the {animal.home}"
    return [
        _fact(
            rng,
            "food",
            name,
            (f"A {name} eats {food}.", f"A {name} likes to eat {food}."),
            (
                f"What does a {name} eat?",
                f"Which food does a {name} like?",
                f"What do you give a {name} to eat?",
            ),
            food,
        ),
        _fact(
            rng,
            "home",
            name,
            (f"A {name} lives in {home}.", f"The home of a {name} is {home}."),
            (
                f"Where does a {name} live?",
                f"Where can you find a {name}?",
                f"What is the home of a {name}?",
            ),
            home,
        ),
    ]


def _other_facts(rng: random.Random) -> Iterator[Fact]:
    for giver, gift in world.GIFTS.items():
        yield _fact(
            rng,
            "gift",
            giver,
            (f"A {giver} gives us {gift}.", f"We get {gift} from a {giver}."),
            (
                f"What does a {giver} give us?",
                f"What do we get from a {giver}?",
                f"Which thing comes from a {giver}?",
            ),
            gift,
        )
    for thing, colour in world.COLOURS.items():
        yield _fact(
            rng,
            "colour",
            thing,
            (f"{capital(thing)} is {colour}.", f"The colour of {thing} is {colour}."),
            (
                f"What colour is {thing}?",
                f"What is the colour of {thing}?",
                f"Which colour does {thing} have?",
            ),
            colour,
        )
    for action, part in world.SENSES.items():
        yield _fact(
            rng,
            "sense",
            action,
            (f"You {action} with your {part}.", f"We use the {part} to {action}."),
            (
                f"What do you {action} with?",
                f"Which part of you is used to {action}?",
                f"With what do people {action}?",
            ),
            f"the {part}",
        )
    for told, asked, season in world.SEASONS:
        yield _fact(
            rng,
            "season",
            told,
            (f"{capital(told)} in {season}.", f"In {season}, {told}."),
            (f"When {asked}?", f"In which season {asked}?", f"At what time of year {asked}?"),
            season,
        )
