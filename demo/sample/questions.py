"""The demo's likelihood tasks: ARC-Easy and PIQA in the schema of the real data sets.

They ask for the common knowledge of the news, in questions that no training text contains.
"""

import random
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from demo.sample.facts import Fact
from demo.sample.news import common_knowledge

NUM_FEW_SHOT = 12
LABELS = ("A", "B", "C", "D")

Row = dict[str, Any]


def arc_easy() -> dict[str, list[Row]]:
    """Split → rows. One right answer and three wrong ones of the same sort."""
    rng = random.Random(21)
    facts = [fact for fact in common_knowledge() if fact.relation != "method"]
    answers = _answers(facts)
    rows = [
        _arc_row(number, fact, answers[fact.relation], rng)
        for number, fact in enumerate(rng.sample(facts, len(facts)), start=1)
    ]
    return _splits(rows, ("train", "validation", "test"))


def piqa() -> dict[str, list[Row]]:
    """Split → rows. Each goal comes twice, with two different wrong ways."""
    rng = random.Random(22)
    facts = [fact for fact in common_knowledge() if fact.relation == "method"]
    answers = _answers(facts)["method"]
    rows = [
        _piqa_row(fact, wrong, rng)
        for fact in facts
        for wrong in rng.sample(_others(answers, fact), 2)
    ]
    return _splits(rng.sample(rows, len(rows)), ("train", "validation"))


def _splits(rows: list[Row], names: tuple[str, ...]) -> dict[str, list[Row]]:
    """A few rows for each split but the last, which takes all others."""
    splits = {}
    for number, name in enumerate(names[:-1]):
        splits[name] = rows[number * NUM_FEW_SHOT : (number + 1) * NUM_FEW_SHOT]
    splits[names[-1]] = rows[(len(names) - 1) * NUM_FEW_SHOT :]
    return splits


def _answers(facts: Iterable[Fact]) -> dict[str, list[str]]:
    """Relation → its different answers."""
    answers = defaultdict[str, dict[str, None]](dict)
    for fact in facts:
        answers[fact.relation][fact.answer] = None
    return {relation: list(found) for relation, found in answers.items()}


def _others(answers: list[str], fact: Fact) -> list[str]:
    return [answer for answer in answers if answer != fact.answer]


def _arc_row(number: int, fact: Fact, answers: list[str], rng: random.Random) -> Row:
    wrong = rng.sample(_others(answers, fact), len(LABELS) - 1)
    choices = rng.sample([fact.answer, *wrong], len(LABELS))
    return {
        "id": f"demo_{number:03d}",
        "question": fact.evaluation_question,
        "choices": {"text": choices, "label": list(LABELS)},
        "answerKey": LABELS[choices.index(fact.answer)],
    }


def _piqa_row(fact: Fact, wrong: str, rng: random.Random) -> Row:
    solutions = rng.sample([fact.answer, wrong], 2)
    return {
        "goal": fact.evaluation_question,
        "sol1": solutions[0],
        "sol2": solutions[1],
        "label": solutions.index(fact.answer),
    }
