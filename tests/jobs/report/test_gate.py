"""The gate's truth table."""

import dataclasses
import math
from typing import Any

import pytest

from jobs.kinds.promises import Decision
from jobs.report.evidence.averages import Score
from jobs.report.gate import Evidence, Tolerance, chance_of_loss, decide, worst

GO, NO_GO, INCONCLUSIVE = Decision.GO, Decision.NO_GO, Decision.INCONCLUSIVE
TOLERANCE = Tolerance(max_loss=1.0, max_chance=0.5)
# Errors 3 and 4 combine to 5, so the chance of a loss over 1 point is Φ((-1 - d) / 5).
GOOD = Evidence(
    candidate=Score(60.0, 3.0), instruct=Score(60.0, 4.0), candidate_bits=1.0, instruct_bits=1.1
)


def verdict(tolerance: Tolerance = TOLERANCE, **changes: Any) -> Decision:
    return decide(dataclasses.replace(GOOD, **changes), tolerance).decision


@pytest.mark.parametrize(
    ("average", "decision"),
    [
        (62.0, GO),
        (60.0, GO),
        (59.0, GO),  # just the tolerated point
        (58.9, INCONCLUSIVE),  # a chance of 50.8 %
        (50.8, INCONCLUSIVE),  # d = -9.2, z = 1.64, 94.9 %
        (50.7, NO_GO),  # d = -9.3, z = 1.66, 95.2 %
        (20.0, NO_GO),
    ],
)
def test_ability(average: float, decision: Decision) -> None:
    assert verdict(candidate=Score(average, 3.0)) == decision


@pytest.mark.parametrize(("average", "decision"), [(67.3, GO), (67.1, INCONCLUSIVE)])
def test_a_strict_gate_demands_that_a_loss_is_ruled_out(average: float, decision: Decision) -> None:
    # 5 % lie beyond z = 1.645, so d must be at least 5 × 1.645 - 1 = 7.22.
    assert verdict(Tolerance(1.0, 0.05), candidate=Score(average, 3.0)) == decision


@pytest.mark.parametrize(("average", "decision"), [(59.0, GO), (58.99, NO_GO)])
def test_without_any_error_the_difference_decides(average: float, decision: Decision) -> None:
    assert verdict(candidate=Score(average, 0.0), instruct=Score(60.0, 0.0)) == decision


def test_rounding_does_not_take_the_tolerated_point_away() -> None:
    assert 32.02 - 31.02 > 1.0  # as floating point has it
    assert chance_of_loss(Score(31.02, 0.0), Score(32.02, 0.0), 1.0) == 0.0


@pytest.mark.parametrize(("bits", "decision"), [(1.0999, GO), (1.1, NO_GO), (1.2, NO_GO)])
def test_news(bits: float, decision: Decision) -> None:
    assert verdict(candidate_bits=bits) == decision


@pytest.mark.parametrize("average", [60.0, 99.0])
@pytest.mark.parametrize("what", ["missing", "partial"])
def test_missing_and_partial_scores_are_never_go(what: str, average: float) -> None:
    flaw: dict[str, Any] = {what: ("piqa of pico",)}
    assert verdict(**flaw, candidate=Score(average, 0.1)) == INCONCLUSIVE
    assert verdict(**flaw, candidate=Score(5.0, 0.1)) == NO_GO


def test_nothing_at_all_is_inconclusive() -> None:
    assert decide(Evidence(None, None, None, None), TOLERANCE).decision == INCONCLUSIVE


def test_no_number_is_no_go() -> None:
    evidence = dataclasses.replace(
        GOOD, candidate=Score(math.nan, 1.0), not_numbers=("piqa acc of pico",)
    )
    assert decide(evidence, TOLERANCE).decision == NO_GO
    assert decide(evidence, TOLERANCE).reasons == ("Not a number: piqa acc of pico.",)


def test_reasons_are_sentences_with_the_figures() -> None:
    ability, news = decide(GOOD, TOLERANCE).reasons
    assert ability.startswith("Ability kept: average 60.00 against 60.00 of the instruct model, ")
    assert ability.endswith("+0.00 (standard error 5.00); up to 1 point may be lost.")
    assert news.startswith("News learned: 1.0000 bits per byte of held-out articles against 1.1000")


def test_the_numbers_that_were_compared() -> None:
    ability = decide(dataclasses.replace(GOOD, candidate=Score(58.0, 3.0)), TOLERANCE).ability
    assert ability is not None
    assert (ability.decision, ability.limit) == (INCONCLUSIVE, -1.0)
    assert (ability.difference, ability.stderr) == (-2.0, 5.0)
    assert (ability.low, ability.high) == pytest.approx((-2 - 9.8, -2 + 9.8), abs=1e-3)
    assert ability.chance == pytest.approx(0.5793, abs=1e-4)  # Φ(1 / 5)
    news = decide(GOOD, TOLERANCE).news
    assert news is not None
    assert news.decision == GO
    assert news.difference == pytest.approx(-0.1)
    missing = decide(dataclasses.replace(GOOD, candidate=None, candidate_bits=None), TOLERANCE)
    assert (missing.ability, missing.news) == (None, None)


def test_worst() -> None:
    assert worst([GO, NO_GO, INCONCLUSIVE]) == NO_GO
    assert worst([GO, INCONCLUSIVE]) == INCONCLUSIVE
    assert worst([GO]) == GO
