"""The few expressions that our workflows use: ``depends``, ``when`` and a retry's ``expression``.

    or      := and  ( ("||" | "or")  and )*
    and     := not  ( ("&&" | "and") not )*
    not     := ("!" | "not") not | compare
    compare := operand ( ("==" | "!=" | "<" | "<=" | ">" | ">=" | "in") operand )?
    operand := "(" or ")" | "[" operand ("," operand)* "]" | "asInt(" operand ")"
             | number | 'text' | "text" | name

Anything else is refused.
"""

import operator
import re
from collections.abc import Callable
from typing import Any

from jobs.errors import BadInputError

TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'[^']*'|"[^"]*")
      | (?P<number>-?\d+(?:\.\d+)?(?![\w.-]))
      | (?P<name>[A-Za-z0-9_][\w-]*(?:\.[\w-]+)*)
      | (?P<symbol>\|\||&&|==|!=|<=|>=|[<>!()\[\],])
    )""",
    re.VERBOSE,
)
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge, "in": lambda item, items: item in items,
}  # fmt: skip

Lookup = Callable[[str], Any]


def evaluate(text: str, lookup: Lookup) -> Any:
    """The value of an expression; `lookup` gives the value of a name, or raises KeyError."""
    parser = _Parser(text, lookup)
    value = parser.either()
    parser.expect_end()
    return value


def names(text: str) -> list[str]:
    """The names that occur in an expression, in order."""
    keywords = {"or", "and", "not", "in", "asInt"}
    return [word for kind, word in _tokens(text) if kind == "name" and word not in keywords]


def _tokens(text: str) -> list[tuple[str, str]]:
    found, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = TOKEN.match(text, position)
        if not match or not match.lastgroup:
            raise BadInputError(f"expression {text!r}: cannot read {text[position:].strip()!r}")
        found.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return found


class _Parser:
    """Evaluates while it reads; there are no side effects, so nothing needs to be skipped."""

    def __init__(self, text: str, lookup: Lookup) -> None:
        self._text, self._lookup = text, lookup
        self._tokens = _tokens(text)

    def _next_is(self, *words: str) -> bool:
        return bool(self._tokens) and self._tokens[0][0] != "text" and self._tokens[0][1] in words

    def _take(self) -> tuple[str, str]:
        if not self._tokens:
            raise BadInputError(f"expression {self._text!r} ends too early")
        return self._tokens.pop(0)

    def _expect(self, word: str) -> None:
        if not self._next_is(word):
            raise BadInputError(f"expression {self._text!r}: expected {word!r}")
        self._take()

    def expect_end(self) -> None:
        if self._tokens:
            raise BadInputError(f"expression {self._text!r}: unexpected {self._tokens[0][1]!r}")

    def either(self) -> Any:
        value = self._both()
        while self._next_is("||", "or"):
            self._take()
            other = self._both()
            value = bool(value) or bool(other)
        return value

    def _both(self) -> Any:
        value = self._negation()
        while self._next_is("&&", "and"):
            self._take()
            other = self._negation()
            value = bool(value) and bool(other)
        return value

    def _negation(self) -> Any:
        if self._next_is("!", "not"):
            self._take()
            return not self._negation()
        return self._comparison()

    def _comparison(self) -> Any:
        value = self._operand()
        if self._next_is(*COMPARISONS):
            compare = COMPARISONS[self._take()[1]]
            other = self._operand()
            try:
                return compare(value, other)
            except TypeError as error:
                raise BadInputError(f"expression {self._text!r}: {error}") from error
        return value

    def _operand(self) -> Any:
        kind, word = self._take()
        if kind == "text":
            return word[1:-1]
        if kind == "number":
            return float(word) if "." in word else int(word)
        if word == "(":
            value = self.either()
            self._expect(")")
            return value
        if word == "[":
            return self._list()
        if word == "asInt":
            self._expect("(")
            value = int(self._operand())
            self._expect(")")
            return value
        if kind == "name":
            return self._value(word)
        raise BadInputError(f"expression {self._text!r}: unexpected {word!r}")

    def _list(self) -> list[Any]:
        values = [self._operand()]
        while self._next_is(","):
            self._take()
            values.append(self._operand())
        self._expect("]")
        return values

    def _value(self, name: str) -> Any:
        if name in ("true", "false"):
            return name == "true"
        try:
            return self._lookup(name)
        except KeyError as error:
            raise BadInputError(f"expression {self._text!r}: unknown name {name!r}") from error
