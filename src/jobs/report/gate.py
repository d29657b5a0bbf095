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
from jobs.report.evidence.averages import Score

CERTAIN = 0.95
"""The chance from which a loss counts as shown."""


@dataclass(frozen=True)
class Tolerance:
    """The gate's two settings."""

    max_loss: float
    """Points of the average that may be lost."""
    max_chance: float
    """Highest chance, for GO, that more was lost."""


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
    if not evidence.not_numbers:
        findings += [*_ability(evidence, tolerance), *_news(evidence)]
    if not findings:
        findings.append((Decision.INCONCLUSIVE, "Nothing was scored."))
    return Verdict(
        worst(decision for decision, _ in findings), tuple(reason for _, reason in findings)
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


def _ability(evidence: Evidence, tolerance: Tolerance) -> list[tuple[Decision, str]]:
    candidate, instruct = evidence.candidate, evidence.instruct
    if candidate is None or instruct is None:
        return []
    chance = chance_of_loss(candidate, instruct, tolerance.max_loss)
    facts = (
        f"average {candidate.value:.2f} against {instruct.value:.2f} of the instruct model, "
        f"{signed(candidate.value - instruct.value)} "
        f"± {math.hypot(candidate.stderr, instruct.stderr):.2f}"
    )
    limit = f"{tolerance.max_loss:g} point{'s' * (tolerance.max_loss != 1)}"
    if chance <= tolerance.max_chance:
        return [(Decision.GO, f"Ability kept: {facts}; up to {limit} may be lost.")]
    if chance >= CERTAIN:
        return [(Decision.NO_GO, f"Ability lost: {facts}; more than the {limit} allowed.")]
    why = (
        f"the chance of a loss of more than {limit} is {chance:.0%} "
        f"(GO up to {tolerance.max_chance:.0%}, NO-GO from {CERTAIN:.0%})"
    )
    return [(Decision.INCONCLUSIVE, f"Ability uncertain: {facts}; {why}.")]


def _news(evidence: Evidence) -> list[tuple[Decision, str]]:
    candidate, instruct = evidence.candidate_bits, evidence.instruct_bits
    if candidate is None or instruct is None:
        return []
    facts = (
        f"{candidate:.4f} bits per byte of held-out articles against {instruct:.4f} of the "
        f"instruct model"
    )
    if candidate < instruct:
        return [(Decision.GO, f"News learned: {facts}.")]
    return [(Decision.NO_GO, f"News not learned: {facts}.")]


def signed(value: float, digits: int = 2) -> str:
    """A number with its sign, a real minus for the negative."""
    return f"{value:+.{digits}f}".replace("-", "−")
