"""Whether others read a model's tokenizer as we do."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobs.errors import BadInputError
from jobs.kinds.model import CONFIG
from jobs.kinds.tokenizer import refusing
from jobs.kinds.tokenizer_files import FILE
from jobs.words import shown

TEXTS = (
    "In 2026 the town's 1234567 people didn't pay 3,141.59 euro.",
    "IT'S  two   blanks,\n\n a line\t\tand tabs\r\n  end ",
    " naïve Ελλάδα сегодня 東京 العربية हिन्दी 👩‍🔬",
    "def f(x):\n    return {'a': x+1}  # café",
)
"""On which pre-tokenizers differ: digits, contractions, blanks, lines, scripts, marks."""


def comparison(folder: Path, where: str) -> Callable[[], str]:
    """Loads both readers; returns what compares them, within the bounds for encoding texts.

    That gives a warning, where AutoTokenizer gives other ids than the file, which we use, or "".
    """
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer, __version__

    try:
        with refusing(where):
            file = Tokenizer.from_file(str(folder / FILE))
            auto = AutoTokenizer.from_pretrained(
                folder, trust_remote_code=False, local_files_only=True
            )
            kind = json.loads((folder / CONFIG).read_bytes()).get("model_type")
    except BadInputError:
        return str  # nobody is misled who cannot read it

    def compare() -> str:
        try:
            with refusing(where):
                differs = next(text for text in TEXTS if _differ(auto, file, text))
        except (BadInputError, StopIteration):
            return ""
        return (
            f"{where}: AutoTokenizer of transformers {__version__} gives other ids than {FILE}, "
            f"as of {shown(differs)} (model_type={shown(kind)}); the file is used here: whoever "
            "serves the model must use it, too"
        )

    return compare


def _differ(auto: Any, file: Any, text: str) -> bool:
    ids = auto(text, add_special_tokens=False)["input_ids"]
    return bool(ids != file.encode(text, add_special_tokens=False).ids)
