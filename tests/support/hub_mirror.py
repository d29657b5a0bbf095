"""A small mirror of the paper's data sets: their schemas, with items made for the tests."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jobs.suites import load_suite
from jobs.suites.harness import find_subtasks

Row = dict[str, Any]

WORDS = ("bread", "iron", "water", "wool", "glass", "salt", "stone", "paper")
MMLU_PRO_CATEGORIES = (
    "biology", "business", "chemistry", "computer science", "economics", "engineering", "health",
    "history", "law", "math", "other", "philosophy", "physics", "psychology",
)  # fmt: skip
SENTENCE_MODEL = {
    "abbrev_types.txt": "dr\nmr\n",
    "collocations.tab": "new\tyork\n",
    "ortho_context.tab": "the\t14\n",
    "sent_starters.txt": "but\n",
}
INSTRUCTIONS: tuple[tuple[str, Row], ...] = (
    ("punctuation:no_comma", {}),
    ("length_constraints:number_sentences", {"num_sentences": 2, "relation": "at least"}),
    ("length_constraints:number_words", {"num_words": 5, "relation": "less than"}),
)


def word(number: int) -> str:
    return WORDS[number % len(WORDS)]


def arc_rows(count: int) -> list[Row]:
    """Four choices each; the right one moves."""
    return [
        {
            "id": f"arc-{i}",
            "question": f"What does the maker of {word(i)} need first in week {i}?",
            "choices": {
                "text": [f"some {word(i + j)}" + " again" * (j % 3) for j in range(4)],
                "label": ["A", "B", "C", "D"],
            },
            "answerKey": "ABCD"[i % 4],
        }
        for i in range(count)
    ]


def piqa_rows(count: int) -> list[Row]:
    return [
        {
            "goal": f"Carry the {word(i)} home.",
            "sol1": f"Put the {word(i)} in a bag.",
            "sol2": f"Put the {word(i)} in the river and wait.",
            "label": i % 2,
        }
        for i in range(count)
    ]


def ifeval_rows() -> list[Row]:
    """One item an instruction, and one with all of them."""
    alone = [(instruction,) for instruction in INSTRUCTIONS]
    keys = sorted({key for _, arguments in INSTRUCTIONS for key in arguments})
    return [
        {
            "key": number,
            "prompt": f"Write about {word(number)}.",
            "instruction_id_list": [name for name, _ in chosen],
            "kwargs": [dict.fromkeys(keys) | arguments for _, arguments in chosen],
        }
        for number, chosen in enumerate([*alone, INSTRUCTIONS])
    ]


def mmlu_rows(subject: str, count: int) -> list[Row]:
    return [
        {
            "question": f"Which of these is {word(i + len(subject))}?",
            "subject": subject,
            "choices": [word(i + j) for j in range(4)],
            "answer": (i + len(subject)) % 4,
        }
        for i in range(count)
    ]


def mmlu_pro_rows(count: int) -> list[Row]:
    """`count` items of each category."""
    return [
        {
            "question": f"Which of these is {word(i)}?",
            "options": [word(i + j) for j in range(4)],
            "answer": "A",
            "category": category,
            "cot_content": "A: Let's think step by step. It is. The answer is (A).",
        }
        for category in MMLU_PRO_CATEGORIES
        for i in range(count)
    ]


def gsm8k_rows(count: int) -> list[Row]:
    return [
        {"question": f"What is {i} and {i}?", "answer": f"It is <<{i}+{i}>>.\n#### {2 * i}"}
        for i in range(count)
    ]


def winogrande_rows(count: int) -> list[Row]:
    return [
        {
            "sentence": f"The {word(i)} fell on the {word(i + 1)} because _ was loose.",
            "option1": f"the {word(i)}",
            "option2": f"the {word(i + 1)}",
            "answer": "12"[i % 2],
        }
        for i in range(count)
    ]


def hellaswag_rows(count: int) -> list[Row]:
    return [
        {
            "ctx_a": f"A man takes {word(i)}.",
            "ctx_b": "then he",
            "activity_label": "Making things",
            "endings": [f"drops the {word(i + j)} [step] twice." for j in range(4)],
            "label": str(i % 4),
        }
        for i in range(count)
    ]


def truthfulqa_rows(count: int) -> list[Row]:
    targets = {"choices": ["It is.", "It is not.", "Nobody knows."], "labels": [1, 0, 0]}
    return [
        {
            "question": f"Is {word(i)} a thing?",
            "mc1_targets": targets,
            "mc2_targets": targets | {"labels": [1, 0, 1]},
        }
        for i in range(count)
    ]


def write_demo_mirror(folder: Path) -> Path:
    """The data sets of the suite ``demo``, and a sentence model written by hand."""
    _write(folder, "google/IFEval/train", ifeval_rows())
    _write(folder, "allenai/ai2_arc/ARC-Easy/test", arc_rows(6))
    _write(folder, "baber/piqa/validation", piqa_rows(5))
    model = folder / "nltk_data/tokenizers/punkt_tab/english"
    model.mkdir(parents=True)
    for name, text in SENTENCE_MODEL.items():
        (model / name).write_text(text)
    return folder


def write_paper_mirror(folder: Path) -> Path:
    """Those of the suite ``paper``: MMLU's 57 subjects have one item and five examples each."""
    write_demo_mirror(folder)
    for subtask in find_subtasks(load_suite("paper").task("mmlu")):
        subject = str(subtask.data.config)
        _write(folder, f"cais/mmlu/{subject}/test", mmlu_rows(subject, 1))
        _write(folder, f"cais/mmlu/{subject}/dev", mmlu_rows(subject, 5))
    _write(folder, "TIGER-Lab/MMLU-Pro/test", mmlu_pro_rows(1))
    _write(folder, "TIGER-Lab/MMLU-Pro/validation", mmlu_pro_rows(5))
    _write(folder, "openai/gsm8k/main/test", gsm8k_rows(3))
    _write(folder, "openai/gsm8k/main/train", gsm8k_rows(8))
    _write(folder, "allenai/winogrande/winogrande_xl/validation", winogrande_rows(4))
    _write(folder, "Rowan/hellaswag/validation", hellaswag_rows(4))
    _write(folder, "truthfulqa/truthful_qa/multiple_choice/validation", truthfulqa_rows(4))
    return folder


def _write(folder: Path, name: str, rows: Iterable[Row]) -> None:
    file = folder / f"{name}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
