"""Texts and conversations into documents of tokens, by the tokenizer's own conventions."""

from collections.abc import Iterable
from typing import Any

from jinja2 import TemplateError

from jobs.errors import BadInputError
from jobs.pack.packing import Document

Message = dict[str, str]


def text_documents(tokenizer: Any, texts: list[str]) -> list[Document]:
    """One document a text: the tokens, a start token where the tokenizer sets one, an end token."""
    end = tokenizer.eos_token_id
    if end is None:
        raise BadInputError("the tokenizer sets no end token (eos_token); documents need one")
    # What reads like a special token inside a text is text.
    encoded = tokenizer(texts, split_special_tokens=True)["input_ids"]
    return [Document(ids if ids and ids[-1] == end else [*ids, end]) for ids in encoded]


def conversation_document(tokenizer: Any, messages: list[Message]) -> Document:
    """A conversation through the chat template; the assistant's answers carry the loss.

    The loss mask is found by templating each prefix that ends before an answer, so that it does
    not depend on marks inside the template. Raises BadInputError where the template does not
    extend its own prefixes, as then no mask is right.
    """
    for message in messages:
        if found := [one for one in tokenizer.all_special_tokens if one in message["content"]]:
            raise BadInputError(f"a message holds the special token {found[0]!r}; remove it")
    whole = _templated(tokenizer, messages, prompt=False)
    mask = [False] * len(whole)
    for turn, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        start = _templated(tokenizer, messages[:turn], prompt=True)
        last = turn == len(messages) - 1
        until = whole if last else _templated(tokenizer, messages[: turn + 1], prompt=False)
        if whole[: len(start)] != start or whole[: len(until)] != until:
            raise BadInputError("the chat template rewrites earlier turns; no loss mask is right")
        mask[len(start) : len(until)] = [True] * (len(until) - len(start))
    return Document(whole, mask)


def _templated(tokenizer: Any, messages: Iterable[Message], *, prompt: bool) -> list[int]:
    if tokenizer.chat_template is None:
        raise BadInputError("the tokenizer has no chat template; give that of an instruct model")
    try:
        ids: list[int] = tokenizer.apply_chat_template(
            list(messages), add_generation_prompt=prompt, tokenize=True, return_dict=False
        )
    except (ValueError, TemplateError) as error:
        raise BadInputError(f"the chat template refuses a conversation: {error}") from error
    return ids
