from typing import Any

import pytest

from jobs.errors import BadInputError
from pipelines.local.expression import evaluate, names

VALUES: dict[str, Any] = {
    "a": True, "b": False, "fine-tune.Succeeded": True, "lastRetry.exitCode": "75", "n": 3,
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a", True),
        ("a && b", False),
        ("a || b && b", True),  # and binds more tightly than or
        ("(a || b) && b", False),
        ("!b and not b", True),
        ("! a || a", True),
        ("fine-tune.Succeeded && a", True),
        ("asInt(lastRetry.exitCode) in [-1, 75, 143]", True),
        ("asInt(lastRetry.exitCode) in [64]", False),
        ("lastRetry.exitCode == '75'", True),
        ('lastRetry.exitCode != "75"', False),
        ("n >= 3 && n < 4", True),
        ("true", True),
        ("'it && that' == 'it && that'", True),
    ],
)
def test_values(text: str, value: object) -> None:
    assert evaluate(text, VALUES.__getitem__) is value


@pytest.mark.parametrize(
    "text",
    ["", "a &&", "a b", "(a", "a)", "c", "n + 1", "a.b()", "__import__('os')", "'open", "n < 'x'",
     "[1, 2", "asInt(n", "a = b"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="expression"):
        evaluate(text, VALUES.__getitem__)


def test_names() -> None:
    assert names("a && (fine-tune.Failed or !b) && c in ['d']") == [
        "a", "fine-tune.Failed", "b", "c",
    ]  # fmt: skip
