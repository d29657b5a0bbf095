"""Words for errors and logs: names, lists, and texts of unknown origin, in one line.

Whatever comes from outside (a file, a record, a server, a library's error) is shown through
`one_line`, wherever it is shown: log, terminal, HTML, Markdown. Included: what would move a
cursor, end a line, turn the direction of writing or be invisible, and secrets. Not included: what
has a meaning in one of these only, as ``<`` in HTML; there it is escaped besides.
"""

import difflib
import re
import unicodedata
from collections.abc import Sequence

SHOWN_CHARACTERS = 80
LINE_CHARACTERS = 4000
"""The most of one line; what is longer is no line that a person reads."""
MASK = "***"

_BLANK_LETTERS = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0]")
"""Letters and marks by their category, but nothing is drawn for them."""

_LOGIN = re.compile(
    r"(?:(?<=//)|(?<=:/)(?!/))"  # a path's //, as pathlib writes it, too
    r"(?:[^\s/?#]*@|[^\s/?#@:\[]+:(?!\d{1,5}(?:[/?#]|$))[^\s@]*@)"  # user:password@
    r"|(?<![\w/.%+-])[\w.%+-]+:[^\s:@/'\",]+@(?!sha\d)(?=\w)"  # user:password@host
)
_QUERY = re.compile(r"""((?<=://)[^\s?#]*[?#])\S*?(?=["'>)\]},;.]*(?:\s|$))""")
_NAMED = re.compile(
    r"""(?xi) (?<![a-z0-9]) (?:
        (?: x-(?:amz|goog)-(?:signature|credential|security-token)
          | aws_?(?:secret_?access_?key|session_?token|access_?key_?id)
          | account_?key | shared_?access_?(?:key|signature) | secret[_-]?(?:access[_-]?)?key
          | client_?secret | (?:access|auth|refresh|hf)[_-]?token | api[_-]?key
          | (?<!/)(?: passwo?r?d | pwd )
        ) ["']? \s* (?:[=:]|%3d) \s* ["']?
      | (?: sig | signature | token | key | secret | pass ) (?:=|%3d)
      | authorization \W{1,4} (?:(?:bearer|basic|aws4-hmac-sha256)\s+)?
      | bearer \s+ (?=[\w.~+/=-]{16})
    )""",
)
_VALUE = re.compile(r"""[^\s&"'<>,;)\]}]+""")
_TOKEN = re.compile(
    r"\bhf_[A-Za-z0-9]{16,}|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+"
)


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


def one_line(text: str) -> str:
    r"""A text of unknown origin as one line, safe to show; letters of all scripts stay as they are.

    At most `LINE_CHARACTERS` of it, without secrets; what is no visible character is escaped.

    >>> one_line("Ελλάδα\n\x1b[2J"), one_line("https://me:word@example.org/?q=1")
    ('Ελλάδα\\n\\x1b[2J', 'https://***@example.org/?***')
    """
    cut = without_secrets(text[: 2 * LINE_CHARACTERS])
    if len(text) > LINE_CHARACTERS:
        cut = cut[: LINE_CHARACTERS - 3] + "..."
    if invisible(cut) is None:
        return cut
    return "".join(map(_visible, cut))


def invisible(text: str) -> str | None:
    """The first character that is none to be seen, or None; blanks of any width are seen."""
    if text.isprintable() and not _BLANK_LETTERS.search(text):
        return None
    return next((character for character in text if _visible(character) != character), None)


def _visible(character: str) -> str:
    is_seen = character.isprintable() or unicodedata.category(character) == "Zs"
    return character if is_seen and not _BLANK_LETTERS.match(character) else ascii(character)[1:-1]


def without_secrets(text: str) -> str:
    """The text with user names and passwords of URLs, query strings, keys and tokens masked.

    It knows them by their form, as errors of libraries hold them; what looks like none is left.

    >>> without_secrets("GET /a?X-Amz-Signature=4f00&b=1: proxy http://me:word@proxy:3128 failed")
    'GET /a?X-Amz-Signature=***&b=1: proxy http://***@proxy:3128 failed'
    """
    text = _LOGIN.sub(f"{MASK}@", text)
    text = _QUERY.sub(lambda found: found[1] + MASK, text)
    text = _after_names(text)
    return _TOKEN.sub(MASK, text)


def _after_names(text: str) -> str:
    """The values of what is called a key, token or password."""
    parts, at = [], 0
    for found in _NAMED.finditer(text):
        value = _VALUE.match(text, found.end())
        if value and found.start() >= at:
            parts += [text[at : found.end()], MASK]
            at = value.end()
    return "".join([*parts, text[at:]])


def shown(value: object) -> str:
    r"""A value of unknown origin for an error line: printable ASCII, at most 80 characters.

    >>> shown("é\n"), shown("x" * 10**6)[-5:], shown([1, 2])
    ("'\\xe9\\n'", 'xx...', 'a list of 2')
    """
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        value = without_secrets(value[:LINE_CHARACTERS])[: SHOWN_CHARACTERS + 1]
    return shortened(ascii(value))


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown(name) for name in names[:most]) + more


def joined(names: Sequence[str]) -> str:
    """All of them, as they are.

    >>> joined(["a"]), joined(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def not_utf8(error: UnicodeDecodeError) -> str:
    """Which byte of a text is none of UTF-8's, and where; bytes are counted from 0."""
    return f"the byte 0x{error.object[error.start]:02x} at {error.start} is not UTF-8"


def shortened(text: str) -> str:
    """At most 80 characters of a text that is printable."""
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."
