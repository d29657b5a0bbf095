"""The first few items of a task and what the model made of them, for people to read. Pure."""

import math
from collections.abc import Mapping
from typing import Any

from jobs.evaluate.scores import LmEvalResults
from jobs.kinds.promises import Example
from jobs.kinds.scores import BITS_PER_BYTE

MAX_EXAMPLES = 4
MAX_CHARACTERS = 800
"""Of a prompt, and of an answer; what is longer ends with an ellipsis."""


def examples(results: LmEvalResults, tasks: Mapping[str, Any]) -> tuple[Example, ...]:
    """Of the first single task; none where a model only chooses among answers.

    `tasks` are lm-eval's, by name: they say how an item is put, without shots and chat template.
    """
    name = min(results["samples"], default=None)
    if name is None:
        return ()
    kind = results["configs"][name]["output_type"]
    of_item = {sample["doc_id"]: sample for sample in reversed(results["samples"][name])}
    first = [of_item[item] for item in sorted(of_item)[:MAX_EXAMPLES]]
    if kind == "generate_until":
        told = [
            Example(
                prompt=beginning(tasks[name].doc_to_text(sample["doc"])),
                answer=beginning(sample["resps"][0][0]),
            )
            for sample in first
        ]
    elif kind == "loglikelihood_rolling" and BITS_PER_BYTE in results["samples"][name][0]:
        told = [
            Example(
                prompt=beginning(sample["doc"]["title"]),
                bits_per_byte=_bits_per_byte(*sample[BITS_PER_BYTE]),
            )
            for sample in first
        ]
    else:
        told = []
    return tuple(told)


def beginning(text: object) -> str:
    """At most `MAX_CHARACTERS` of it, without halves of characters, which no file can hold."""
    whole = str(text).encode("utf-8", "replace").decode()
    return whole if len(whole) <= MAX_CHARACTERS else whole[: MAX_CHARACTERS - 1] + "…"


def _bits_per_byte(loglikelihood: float, num_bytes: int) -> float | None:
    bits = -loglikelihood / max(1, num_bytes) / math.log(2)
    return round(bits, 6) if math.isfinite(bits) else None
