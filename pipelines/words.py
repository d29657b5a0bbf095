"""Words for errors."""

import difflib
from collections.abc import Sequence


def nearest(word: str, known: Sequence[str]) -> str:
    """What was probably meant, or else all there is.

    >>> nearest("epoch", ["epochs", "seed"]), nearest("x", ["epochs", "seed"])
    ('did you mean epochs?', 'known: epochs, seed')
    """
    near = difflib.get_close_matches(word, known, 1)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
