"""What was expected of a value, in a user's words, where pydantic speaks to programmers.

The one place that knows pydantic's errors: flags, the fleet file and records are told alike.
"""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, ErrorDetails, core_schema

_WHOLE, _NUMBER, _MAPPING = "expected a whole number", "expected a number", "expected a mapping"
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is unknown",
    "none_required": "expected nothing",
    "string_type": "expected a text",
    "string_too_long": "expected at most {max_length} characters",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "int_parsing_size": "expected a whole number of fewer digits",
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "expected a finite number",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "greater_than": "expected more than {gt}",
    "greater_than_equal": "expected at least {ge}",
    "less_than": "expected less than {lt}",
    "less_than_equal": "expected at most {le}",
    "literal_error": "expected {expected}",
    "tuple_type": "expected a list",
    "list_type": "expected a list",
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "datetime_parsing": "expected a time such as 2026-11-01T06:00:00Z",
    "datetime_from_date_parsing": "expected a time such as 2026-11-01T06:00:00Z",
    "timezone_aware": "expected a time with its zone, such as 2026-11-01T06:00:00Z",
}


def expectation(problem: ErrorDetails) -> str:
    """One problem in plain words, without where it is nor what came instead.

    Our own validators' ValueErrors stand as they are, as does what is not known here. A text's
    form is a `Shape`, never pydantic's ``pattern``, which no user reads.
    """
    kind, context = problem["type"], problem.get("ctx", {})
    if kind in ("string_too_short", "too_short"):
        what = "character" if kind == "string_too_short" else "entry"
        return _at_least(int(context["min_length"]), what)
    if kind in _WORDS:
        values = {name: _plain(value) for name, value in context.items()}
        return _WORDS[kind].format(**values)
    return problem["msg"].removeprefix("Value error, ").removeprefix("Input ")


def _at_least(number: int, what: str) -> str:
    several = {"character": "characters", "entry": "entries"}[what]
    return f"expected at least {number} {what if number == 1 else several}"


def _plain(value: Any) -> str:
    """A bound or a list of choices: ``'cpt' or 'sft'`` without its quotes."""
    return value.replace("'", "") if isinstance(value, str) else f"{value:.15g}"


@dataclass(frozen=True)
class Shape:
    """Of a text: a pattern for an editor (JSON Schema), and for a person its words."""

    pattern: str
    words: str
    """What is expected, as "a month such as 2026-10"."""
    max_length: int | None = None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        longest = {"maxLength": self.max_length} if self.max_length else {}
        return {**handler(schema), "pattern": self.pattern, **longest}

    def check(self, text: str) -> str:
        """The text. Raises ValueError, as a validator."""
        if self.max_length and len(text) > self.max_length:
            raise ValueError(f"has {len(text)} characters; expected at most {self.max_length}")
        if not re.fullmatch(self.pattern, text):
            raise ValueError(f"expected {self.words}")
        return text
