"""Words for errors."""

import difflib
from collections.abc import Sequence


def nearest(word: str, known: Sequence[str]) -> str:
    """What was probably meant, or else all there is.

    >>> nearest("epoch", ["epochs", "seed"]), nearest("x", ["epochs", "seed"])
    ('did you mean epochs?', 'known: epochs, seed')
    """
    near = nearest_of(word, known)
    return f"did you mean {near}?" if near else f"known: {', '.join(known)}"


def nearest_of(word: str, known: Sequence[str]) -> str | None:
    """The one of `known` that `word` is probably a misspelling of."""
    near = difflib.get_close_matches(word, known, 1)
    return near[0] if near else None
