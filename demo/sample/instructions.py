"""Instructions with answers that a program can check: conversations to tune on, IFEval to score.

Both are drawn from the same subjects, ways to ask, and instructions of IFEval; no prompt of the
evaluation is among the conversations. Every answer follows all instructions of its prompt.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from demo.sample.facts import Deck, a, capital
from demo.sample.world import ANIMALS, GIFTS, TRADES

NUM_CONVERSATIONS = 1500
NUM_IFEVAL_PROMPTS = 60

# The arguments of all instructions of the real data set; a row holds each, mostly null.
ARGUMENTS = (
    "num_highlights",
    "relation",
    "num_words",
    "num_placeholders",
    "prompt_to_repeat",
    "num_bullets",
    "section_spliter",
    "num_sections",
    "capital_relation",
    "capital_frequency",
    "keywords",
    "num_paragraphs",
    "language",
    "let_relation",
    "letter",
    "let_frequency",
    "end_phrase",
    "forbidden_words",
    "keyword",
    "frequency",
    "num_sentences",
    "postscript_marker",
    "first_word",
    "nth_paragraph",
)

# Long enough for langdetect to see that an answer is in English, also in capital letters.
LEAD = "As all people in the town know, "
LEAD_WITHOUT_COMMA = "All people in the town know that "


@dataclass(frozen=True)
class Subject:
    """Something to tell about: its name, and sentences without a comma."""

    name: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Instruction:
    """One of IFEval's instructions: ways to give it, and the arguments of its check."""

    name: str
    wordings: tuple[str, ...]
    arguments: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Exercise:
    """A prompt, the instructions in it, and an answer that follows them."""

    prompt: str
    instructions: tuple[Instruction, ...]
    answer: str

    def conversation(self) -> dict[str, Any]:
        return {
            "messages": [
                {"role": "user", "content": self.prompt},
                {"role": "assistant", "content": self.answer},
            ]
        }

    def ifeval(self, key: int) -> dict[str, Any]:
        return {
            "key": key,
            "prompt": self.prompt,
            "instruction_id_list": [instruction.name for instruction in self.instructions],
            "kwargs": [
                dict.fromkeys(ARGUMENTS) | instruction.arguments
                for instruction in self.instructions
            ],
        }


ASKS = (
    "Tell me about {}.",
    "What do you know about {}?",
    "Say something about {}.",
    "Write a few words about {}.",
    "Explain {} to a child.",
)


LOWERCASE = Instruction(
    "change_case:english_lowercase",
    ("Use only lowercase letters.", "Write all in lowercase letters."),
)
CAPITALS = Instruction(
    "change_case:english_capital",
    ("Use only capital letters.", "Write all in capital letters."),
)
NO_COMMA = Instruction(
    "punctuation:no_comma",
    ("Do not use any commas.", "Write it without commas."),
)
QUOTATION = Instruction(
    "startend:quotation",
    ("Put your answer in double quotation marks.", "Wrap it in double quotation marks."),
)
TITLE = Instruction(
    "detectable_format:title",
    ("Give it a title in double angular brackets.", "Add a title, such as <<title>>."),
)
POSTSCRIPT = Instruction(
    "detectable_content:postscript",
    ("At the end, add a postscript that starts with P.S.", "Add a postscript with P.S."),
    {"postscript_marker": "P.S."},
)
BULLETS = Instruction(
    "detectable_format:number_bullet_lists",
    ("Answer with three bullet points.", "Make a list of three bullet points with *."),
    {"num_bullets": 3},
)
ENDINGS = tuple(
    Instruction(
        "startend:end_checker",
        (f"End your answer with: {phrase}", f"Your last words must be: {phrase}"),
        {"end_phrase": phrase},
    )
    for phrase in ("That is all I know.", "I hope this helps.", "Have a good day.")
)

SINGLE = (LOWERCASE, CAPITALS, NO_COMMA, QUOTATION, TITLE, POSTSCRIPT, BULLETS, *ENDINGS)
# In the order in which they are followed.
PAIRS = (
    (NO_COMMA, LOWERCASE),
    (NO_COMMA, QUOTATION),
    (NO_COMMA, TITLE),
    (NO_COMMA, POSTSCRIPT),
    (TITLE, LOWERCASE),
    (LOWERCASE, QUOTATION),
    (BULLETS, LOWERCASE),
    (TITLE, POSTSCRIPT),
)


def exercises() -> tuple[list[Exercise], list[Exercise]]:
    """Those to tune on and those to score, without a prompt in common."""
    rng = random.Random(51)
    everything = _exercises(rng)
    found: dict[str, Exercise] = {}
    while len(found) < NUM_CONVERSATIONS + NUM_IFEVAL_PROMPTS:
        exercise = next(everything)
        found.setdefault(exercise.prompt, exercise)
    drawn = list(found.values())
    return drawn[NUM_IFEVAL_PROMPTS:], drawn[:NUM_IFEVAL_PROMPTS]


def _exercises(rng: random.Random) -> Iterator[Exercise]:
    """Exercises without end; each combination of instructions comes up equally often."""
    combinations = Deck([*((item,) for item in SINGLE), *PAIRS], rng)
    subjects = Deck(list(_subjects()), rng)
    while True:
        yield _exercise(next(subjects), next(combinations), rng)


def _exercise(
    subject: Subject, instructions: tuple[Instruction, ...], rng: random.Random
) -> Exercise:
    first, *others = subject.sentences
    text = f"{LEAD}{first[0].lower()}{first[1:]} {rng.choice(others)}"
    for instruction in instructions:
        text = _follow(instruction, text, subject)
    request = [rng.choice(ASKS).format(subject.name)]
    request += [rng.choice(item.wordings) for item in rng.sample(instructions, len(instructions))]
    return Exercise(" ".join(request), instructions, text)


def _follow(instruction: Instruction, text: str, subject: Subject) -> str:
    """The text, changed so that it follows the instruction."""
    match instruction.name:
        case "change_case:english_lowercase":
            return text.lower()
        case "change_case:english_capital":
            return text.upper()
        case "punctuation:no_comma":
            return text.replace(LEAD, LEAD_WITHOUT_COMMA)
        case "startend:quotation":
            return f'"{text}"'
        case "detectable_format:title":
            return f"<<{capital(subject.name)}>>\n{text}"
        case "detectable_content:postscript":
            return f"{text}\nP.S. Thank you for the question."
        case "detectable_format:number_bullet_lists":
            return "\n".join(f"* {sentence}" for sentence in subject.sentences)
        case "startend:end_checker":
            return f"{text} {instruction.arguments['end_phrase']}"
    raise AssertionError(f"no answer for {instruction.name}")


def _subjects() -> Iterator[Subject]:
    """A subject for each trade, its product, and each animal."""
    for trade in TRADES:
        name, product, tool, material = trade.name, trade.product, a(trade.tool), trade.material
        verb = "are" if product.endswith("s") else "is"
        makes = f"A {name} makes {product} from {material}."
        works = f"A {name} works with {tool}."
        buy = f"You can buy {product} from a {name}."
        yield Subject(f"a {name}", (makes, works, buy))
        made = f"{capital(product)} {verb} made from {material}."
        maker = f"{capital(product)} {verb} made by a {name}."
        yield Subject(product, (made, maker, buy))
    for animal in ANIMALS:
        name, food, home = animal.name, animal.food, animal.home
        sentences = [
            f"A {name} lives in the {home}.",
            f"A {name} eats {food}.",
            f"A {name} gives us {GIFTS[name]}." if name in GIFTS else f"A {name} likes {food}.",
        ]
        yield Subject(f"a {name}", (sentences[0], sentences[1], sentences[2]))
