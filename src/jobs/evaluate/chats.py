"""A tokenizer whose chat template is rendered by a child process, within bounds.

This module is both sides: `chat_tokenizer`, and the child,
``python -m jobs.evaluate.chats <socket> <folder> <where>``.
"""

import json
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from jobs.command.bounded import Bounded, answer
from jobs.errors import BadInputError
from jobs.kinds.tokenizer import LOAD_BOUNDS, bounds, load_tokenizer, refusing, without_torch
from jobs.words import one_line

DONE, REFUSED = b"\1", b"\0"


def chat_tokenizer(folder: Path, where: str) -> Any:
    """`load_tokenizer`, with ``apply_chat_template`` by a child that starts when first asked.

    It gives texts, as lm-eval asks for them. Raises BadInputError.
    """
    tokenizer = load_tokenizer(folder, where)
    tokenizer.apply_chat_template = _Templates(folder, where)
    return tokenizer


class _Templates:
    """What stands for ``apply_chat_template``. Its child ends with it."""

    def __init__(self, folder: Path, where: str) -> None:
        self._folder, self._where = folder, where
        self._child: Bounded | None = None

    def __call__(self, messages: list[dict[str, str]], *, tokenize: bool, **options: Any) -> str:
        """The text of a conversation.

        Raises TemplateError where the template refuses one with a system message, which lm-eval
        then leaves out, and BadInputError in every other case.
        """
        assert not tokenize
        request = json.dumps([messages, options]).encode()
        said = self._started().ask(request, *bounds(len(request)))
        text = said[1:].decode()
        if said[:1] == DONE:
            return text
        if any(message["role"] == "system" for message in messages):
            raise TemplateError(text)
        raise BadInputError(
            f"{self._where} has a chat template that refuses a prompt: {text}; use the one that "
            "the model was published with"
        )

    def _started(self) -> Bounded:
        if self._child is None:
            where = self._where
            child = Bounded(f"{where}: its chat template", __name__, str(self._folder), where)
            weakref.finalize(self, child.close)
            child.ask(b"", *LOAD_BOUNDS)
            self._child = child
        return self._child


def start() -> Callable[[bytes], bytes]:
    """Of the child: how requests are answered."""
    folder, where = sys.argv[2:]
    tokenizer = load_tokenizer(Path(folder), where)

    def handle(request: bytes) -> bytes:
        if not request:
            return b""
        messages, options = json.loads(request)
        with refusing(f"{where} has a chat template that fails"):
            try:
                text: str = tokenizer.apply_chat_template(messages, tokenize=False, **options)
            except TemplateError as error:
                return REFUSED + one_line(str(error)).encode()
            return DONE + text.encode()

    return handle


if __name__ == "__main__":
    without_torch()
    answer(start)
