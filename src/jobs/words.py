"""Words for errors and logs: names, lists, and values of unknown origin, in one line."""

import difflib
from collections.abc import Sequence

SHOWN_CHARACTERS = 80


def nearest(word: str, known: Sequence[str], otherwise: str | None = None) -> str:
    """What was probably meant, or else `otherwise`; by default all there is.

    >>> nearest("epoch", ["epochs", "seed"]), nearest("x", ["epochs", "seed"])
    ('did you mean epochs?', 'known: epochs, seed')
    """
    near = nearest_of(word, known)
    if near is not None:
        return f"did you mean {near}?"
    return otherwise or f"known: {', '.join(known)}"


def nearest_of(word: str, known: Sequence[str], cutoff: float = 0.6) -> str | None:
    """The one of `known` that `word` is probably a misspelling of."""
    near = difflib.get_close_matches(word, known, 1, cutoff)
    return near[0] if near else None


def shown(value: object) -> str:
    r"""A value of unknown origin for an error line: printable ASCII, at most 80 characters.

    >>> shown("é\n"), shown("x" * 10**6)[-5:], shown([1, 2])
    ("'\\xe9\\n'", 'xx...', 'a list of 2')
    """
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    cut = value[: SHOWN_CHARACTERS + 1] if isinstance(value, str) else value
    return shortened(ascii(cut))


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown(name) for name in names[:most]) + more


def shortened(text: str) -> str:
    """At most 80 characters of a text that is printable."""
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."
