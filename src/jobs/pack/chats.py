"""Conversations into tokens and loss masks, exactly or not at all.

What carries loss is found in the rendered text: what the template marks by ``{% generation %}``,
or else, for each answer, what the template adds to the text of the turns before it and the prompt
for it. Tokens then carry loss by their places in that text, so a conversation is tokenised once.

No mask is right where a template rewrites earlier turns (Qwen 3 drops their thoughts) or a token
reaches over the border of an answer; such a conversation is dropped, and so is any other that
surprises. Cost: two renderings an answer, and one pass of the tokenizer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NoReturn

from jobs.errors import BadInputError
from jobs.libraries import cause
from jobs.words import one_line

Message = dict[str, str]
Span = tuple[int, int]
"""From where (included) to where (excluded) in a text, in characters."""


@dataclass(frozen=True)
class Dropped:
    """Why a conversation is not packed: a word to count by, and one line for people."""

    reason: str
    said: str


class DroppedError(Exception):
    """Carries a `Dropped` to where one conversation ends."""

    def __init__(self, reason: str, said: str) -> None:
        super().__init__(said)
        self.dropped = Dropped(reason, said)


class Chats:
    """A tokenizer with its chat template. Raises BadInputError where it has none."""

    def __init__(self, tokenizer: Any, where: str) -> None:
        if tokenizer.chat_template is None:
            raise BadInputError(f"{where} has no chat template; give that of an instruct model")
        self._template = tokenizer.chat_template
        self._roles = tokenizer.special_tokens_map
        self._marks = has_marks(self._template)
        self._text = tokenizer.backend_tokenizer
        self._text.no_truncation()
        self._text.no_padding()
        # It adds nothing to chats, and may trim the places of tokens by a leading blank.
        self._text.post_processor = None
        added = self._text.get_added_tokens_decoder().values()
        special = {str(token.content) for token in added if token.special}
        special |= set(tokenizer.all_special_tokens)
        # Texts consist of single characters, as in `jobs.kinds.tokenizer`.
        self._special = {token for token in special if len(token) > 1}

    def encode(self, messages: list[Message]) -> tuple[list[int], list[bool]] | Dropped:
        """Ids, and which of them carry loss."""
        try:
            return self._encode(messages)
        except DroppedError as error:
            return error.dropped

    def _encode(self, messages: list[Message]) -> tuple[list[int], list[bool]]:
        if not any(message["role"] == "assistant" for message in messages):
            raise DroppedError("no_answer", "no message is the assistant's")
        for message in messages:
            for token in self._special:
                if token in message["content"]:
                    raise DroppedError("control_token", f"a message holds {token}")
        whole, marked = self._render(messages, prompt=False)
        spans = marked if self._marks else list(self._answers(messages, whole))
        if not any(start < end for start, end in spans):
            raise DroppedError("no_answer", "the chat template leaves out the answers")
        try:
            encoded = self._text.encode(whole, add_special_tokens=False)
        except (UnicodeError, TypeError) as error:
            raise DroppedError("template_refuses", f"it renders no text: {cause(error)}") from error
        return encoded.ids, masked(len(whole), spans, encoded.offsets)

    def _answers(self, messages: list[Message], whole: str) -> Iterable[Span]:
        """What is added for each answer to what was there before it."""
        for turn, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            start, _ = self._render(messages[:turn], prompt=True)
            until = whole
            if turn < len(messages) - 1:
                until, _ = self._render(messages[: turn + 1], prompt=False)
            if not (whole.startswith(until) and until.startswith(start)):
                raise DroppedError("rewritten_turns", "the chat template rewrites earlier turns")
            if len(start) == len(until):
                raise DroppedError("no_answer", "the chat template leaves out an answer")
            yield len(start), len(until)

    def _render(self, messages: list[Message], *, prompt: bool) -> tuple[str, list[Span]]:
        """The text, and what in it the template marks as generated."""
        from transformers.utils.chat_template_utils import render_jinja_template

        try:
            texts, marked = render_jinja_template(
                conversations=[messages],
                chat_template=self._template,
                add_generation_prompt=prompt,
                return_assistant_tokens_mask=self._marks,
                **self._roles,
            )
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  a template is a program, and raises what it likes
            _refuse(error)
        return texts[0], [tuple(span) for span in marked[0]] if self._marks else []


def has_marks(template: str) -> bool:
    """Whether a template has ``{% generation %}``, however written, and not in a comment."""
    from jinja2 import Environment, TemplateSyntaxError

    try:
        found = [
            part for part in Environment(autoescape=True).lex(template) if part[1] != "whitespace"
        ]
    except TemplateSyntaxError:
        return False  # it renders nothing
    return any(
        begin[1] == "block_begin" and name[2] == "generation" for begin, name in pairwise(found)
    )


def masked(length: int, spans: Sequence[Span], places: Sequence[Span]) -> list[bool]:
    """Whether each token lies within the spans of a text of `length` characters.

    Raises DroppedError for a token that lies partly within.
    """
    within = bytearray(length + 1)
    for start, end in spans:
        within[start:end] = b"\1" * (end - start)
    mask = []
    for start, end in places:
        inside = within.count(1, start, end) if start < end else within[start]
        if inside not in (0, max(1, end - start)):
            raise DroppedError("token_across_turns", "a token reaches over the border of an answer")
        mask.append(inside > 0)
    return mask


def _refuse(error: Exception) -> NoReturn:
    from jinja2 import TemplateError

    is_its_own = isinstance(error, TemplateError)
    said = one_line(str(error).strip())[:200] if is_its_own else cause(error)
    raise DroppedError("template_refuses", f"the chat template refuses it: {said}") from error
