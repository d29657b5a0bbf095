"""The gate: may this candidate take the place of its instruct model?

Two questions, and a candidate needs GO on both:

1. Has it kept the ability? Let d be its average over the suite minus the instruct model's, in
   points, s the combined standard error of the two, and L the loss that is tolerated. The
   chance that more than L was lost is Φ((-L - d) / s).

   - GO            the chance is at most `max_chance` (0.5 by default, so that the measured
                   difference decides: d >= -L; 0.05 demands that a loss is ruled out)
   - NO-GO         the chance is at least 95 %: noise does not explain the loss
   - INCONCLUSIVE  in between: score more items

2. Has it learned the news? GO where it needs fewer bits per byte of the held-out articles than
   the instruct model does, else NO-GO.

Whatever is missing, or was scored on a part of its items, makes INCONCLUSIVE at best; a score
that is no number makes NO-GO. The worst answer is the decision, NO-GO being the worst.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

from jobs.kinds.promises import Decision
from jobs.records import Record
from jobs.report.evidence.averages import Score

CERTAIN = 0.95
"""The chance from which a loss counts as shown."""
INTERVAL = 0.95
"""The share of cases in which the interval that is told holds the true difference."""


@dataclass(frozen=True)
class Tolerance:
    """The gate's two settings."""

    max_loss: float
    """Points of the average that may be lost."""
    max_chance: float
    """Highest chance, for GO, that more was lost."""


class Ability(Record):
    """The first question: the numbers that were compared, in points.

    The two scores are taken as independent. Statistics paired by item belong beside these.
    """

    decision: Decision
    candidate: Score
    instruct: Score
    difference: float
    """Candidate − instruct."""
    stderr: float
    """Standard error of the difference."""
    low: float
    """Lower end of the 95 % interval of the difference."""
    high: float
    limit: float
    """The difference that is the largest loss tolerated, so at most 0."""
    chance: float
    """That the true difference is below the limit."""


class News(Record):
    """The second question: bits per byte of held-out articles, of which fewer are better."""

    decision: Decision
    candidate: float
    instruct: float
    difference: float
    """Candidate − instruct; the limit is 0, excluded."""


@dataclass(frozen=True)
class Evidence:
    """What is known of one candidate and its instruct model, over the columns both have."""

    candidate: Score | None
    instruct: Score | None
    candidate_bits: float | None
    """Bits per byte of the held-out articles."""
    instruct_bits: float | None
    missing: tuple[str, ...] = ()
    """What should have been scored and was not."""
    partial: tuple[str, ...] = ()
    """What was scored on a part of its items."""
    not_numbers: tuple[str, ...] = ()
    """Scores that are not finite numbers."""


@dataclass(frozen=True)
class Verdict:
    """A decision, with a sentence for each thing that led to it."""

    decision: Decision
    reasons: tuple[str, ...]
    ability: Ability | None = None
    """None where one of the averages is missing, or a score is no number."""
    news: News | None = None


def decide(evidence: Evidence, tolerance: Tolerance) -> Verdict:
    """The gate's verdict on one candidate."""
    findings = [
        *((Decision.NO_GO, f"Not a number: {what}.") for what in evidence.not_numbers),
        *((Decision.INCONCLUSIVE, f"Not scored: {what}.") for what in evidence.missing),
        *(
            (Decision.INCONCLUSIVE, f"Scored on a part of its items only: {what}.")
            for what in evidence.partial
        ),
    ]
    ability = None if evidence.not_numbers else _ability(evidence, tolerance)
    news = None if evidence.not_numbers else _news(evidence)
    if ability:
        findings.append((ability.decision, _ability_told(ability, tolerance)))
    if news:
        findings.append((news.decision, _news_told(news)))
    if not findings:
        findings.append((Decision.INCONCLUSIVE, "Nothing was scored."))
    return Verdict(
        worst(decision for decision, _ in findings),
        tuple(reason for _, reason in findings),
        ability,
        news,
    )


def worst(decisions: Iterable[Decision]) -> Decision:
    """NO-GO before INCONCLUSIVE before GO."""
    order = (Decision.GO, Decision.INCONCLUSIVE, Decision.NO_GO)
    return max(decisions, key=order.index)


def chance_of_loss(candidate: Score, instruct: Score, max_loss: float) -> float:
    """The chance that the candidate's true average is more than `max_loss` below."""
    # Averages that differ by the tolerance to the last printed digit are within it.
    excess = round(instruct.value - candidate.value - max_loss, 6)
    stderr = math.hypot(candidate.stderr, instruct.stderr)
    if stderr == 0:
        return float(excess > 0)
    return NormalDist().cdf(excess / stderr)


def _ability(evidence: Evidence, tolerance: Tolerance) -> Ability | None:
    candidate, instruct = evidence.candidate, evidence.instruct
    if candidate is None or instruct is None:
        return None
    chance = chance_of_loss(candidate, instruct, tolerance.max_loss)
    decision = Decision.INCONCLUSIVE
    if chance <= tolerance.max_chance:
        decision = Decision.GO
    elif chance >= CERTAIN:
        decision = Decision.NO_GO
    difference = candidate.value - instruct.value
    stderr = math.hypot(candidate.stderr, instruct.stderr)
    half = NormalDist().inv_cdf((1 + INTERVAL) / 2) * stderr
    return Ability(
        decision=decision,
        candidate=candidate,
        instruct=instruct,
        difference=difference,
        stderr=stderr,
        low=difference - half,
        high=difference + half,
        limit=-tolerance.max_loss,
        chance=chance,
    )


def _ability_told(ability: Ability, tolerance: Tolerance) -> str:
    facts = (
        f"average {ability.candidate.value:.2f} against {ability.instruct.value:.2f} of the "
        f"instruct model, {signed(ability.difference)} (standard error {ability.stderr:.2f})"
    )
    limit = f"{tolerance.max_loss:g} point{'s' * (tolerance.max_loss != 1)}"
    if ability.decision == Decision.GO:
        return f"Ability kept: {facts}; up to {limit} may be lost."
    if ability.decision == Decision.NO_GO:
        return f"Ability lost: {facts}; more than the {limit} allowed."
    why = (
        f"the chance of a loss of more than {limit} is {ability.chance:.0%} "
        f"(GO up to {tolerance.max_chance:.0%}, NO-GO from {CERTAIN:.0%})"
    )
    return f"Ability uncertain: {facts}; {why}."


def _news(evidence: Evidence) -> News | None:
    candidate, instruct = evidence.candidate_bits, evidence.instruct_bits
    if candidate is None or instruct is None:
        return None
    return News(
        decision=Decision.GO if candidate < instruct else Decision.NO_GO,
        candidate=candidate,
        instruct=instruct,
        difference=candidate - instruct,
    )


def _news_told(news: News) -> str:
    what = "News learned" if news.decision == Decision.GO else "News not learned"
    return (
        f"{what}: {news.candidate:.4f} bits per byte of held-out articles against "
        f"{news.instruct:.4f} of the instruct model."
    )


def signed(value: float, digits: int = 2) -> str:
    """A number with its sign, a real minus for the negative."""
    return f"{value:+.{digits}f}".replace("-", "−")
