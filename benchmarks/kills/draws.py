"""Which kills: how, when, and which of them meet at one place. The same seed draws the same.

Of eight kills in a row four are SIGKILL, two SIGTERM, and two are SIGKILL followed at once by two
writers side by side; half of each come at any moment of the undisturbed duration, half between the
first write and the end. Now and then a kill by SIGKILL meets the attempt after a killed one.
"""

from dataclasses import dataclass
from enum import StrEnum
from random import Random

AGAIN = 0.25
"""Chance that the attempt after a killed one is killed, too."""


class Way(StrEnum):
    """How an attempt is ended, and what comes after."""

    KILL = "SIGKILL"
    TERM = "SIGTERM"
    TWO = "two writers"


@dataclass(frozen=True)
class Kill:
    """One kill."""

    way: Way
    writing: bool
    """Whether it waits for the first write."""
    fraction: float
    """Of the undisturbed duration, or of what is left of it after the first write."""

    def __str__(self) -> str:
        return f"{self.way} at {self.fraction:.3f} of {'the writing' if self.writing else 'all'}"


def draw(random: Random, number: int) -> list[list[Kill]]:
    """`number` kills; those in one list meet one after the other at the same place."""
    eight = [
        (way, writing) for way in (Way.KILL, Way.KILL, Way.TERM, Way.TWO) for writing in (0, 1)
    ]
    rounds: list[list[Kill]] = []
    deck: list[tuple[Way, int]] = []
    for _ in range(number):
        if not deck:
            deck = random.sample(eight, len(eight))
        way, writing = deck.pop()
        kill = Kill(way, bool(writing), random.random())
        again = random.random() < AGAIN
        if again and rounds and way is Way.KILL and rounds[-1][-1].way is Way.KILL:
            rounds[-1].append(kill)
        else:
            rounds.append([kill])
    return rounds
