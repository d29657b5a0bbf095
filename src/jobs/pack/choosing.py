"""Which articles are packed: the held-out slice, and a fair sample within the token budget. Pure.

Both go by a digest of the article's URL, so that they depend on the article alone, neither on
its place in the crawl nor on a seed: an article held out of one period's rows, with the same
fraction, is held out of every other's.
"""

import hashlib
import math
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter


def draw(url: str) -> float:
    """A number in [0, 1), drawn evenly, but a function of the URL alone."""
    return int.from_bytes(hashlib.sha256(url.encode()).digest()[:6], "big") / 2**48


def heldout(url: str, fraction: float) -> bool:
    """Whether an article belongs to the held-out share."""
    return draw(url) < fraction


def budget_limit(draws: Sequence[float], tokens: Sequence[int], budget: int) -> float:
    """The number up to which (included) articles, taken by `draw`, fit into `budget` tokens.

    Their sum is never over the budget: of articles of one draw all are taken or none. −1 where
    not even the first fits, 1 where all do.
    """
    limit, used = -1.0, 0
    drawn_tokens = sorted(zip(draws, tokens, strict=True))
    for drawn, group in groupby(drawn_tokens, key=itemgetter(0)):
        used += sum(size for _, size in group)
        if used > budget:
            return limit
        limit = drawn
    return 1.0


def article_budget(conversation_tokens: int, share: float) -> int:
    """The most tokens of articles that are no more than `share` of all, beside so many others."""
    return int(conversation_tokens * share / (1 - share))


def share_of(tokens: int, of_all: int) -> float:
    """Rounded down to four digits, so that it can be asked for."""
    return math.floor(10**4 * tokens / of_all) / 10**4
