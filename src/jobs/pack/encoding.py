"""Texts and conversations to documents, by a child that encodes within bounds (`encoder`)."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from jobs.artifacts.reading import Artifact
from jobs.command.bounded import Bounded
from jobs.kinds.model import CONFIG, tokenizer_files
from jobs.kinds.tokenizer import LOAD_BOUNDS, bounds
from jobs.pack.chats import Dropped, Message
from jobs.pack.encoder import COMPARE, LOAD, NUMBERS
from jobs.pack.packing import Document


@contextmanager
def encoder_of(model: Artifact, what: str, scratch: Path) -> Iterator[Bounded]:
    """The encoder with the tokenizer of a model artifact; its weights are not read.

    Raises BadInputError for whatever is no tokenizer, and warns where others would read it
    differently.
    """
    folder = model.local_copy(scratch, names=(CONFIG, *tokenizer_files(model)))
    named = f"{model.uri}: its tokenizer or chat template"
    with Bounded(named, "jobs.pack.encoder", what, str(folder), model.uri) as encoder:
        encoder.ask(LOAD, *LOAD_BOUNDS)
        if warning := encoder.ask(COMPARE, *bounds(0)):
            logging.getLogger("pack").warning("%s", warning.decode())
        yield encoder


def text_documents(encoder: Bounded, texts: list[str]) -> list[Document]:
    """One document a text: what the tokenizer adds around it, and an end token, included."""
    said = encoder.ask(json.dumps(texts).encode(), *bounds(sum(map(len, texts))))
    numbers = np.frombuffer(said, dtype=NUMBERS)
    sizes, ids = numbers[: len(texts)], numbers[len(texts) :]
    return [Document(one) for one in np.split(ids, np.cumsum(sizes)[:-1])]


def conversation_document(encoder: Bounded, messages: list[Message]) -> Document | Dropped:
    """A conversation through the chat template; only the assistant's answers carry loss."""
    request = json.dumps(messages).encode()
    said = encoder.ask(request, *bounds(len(request) * (1 + len(messages))))
    if said[:1] == b"\0":
        return Dropped(*json.loads(said[1:]))
    size = np.dtype(NUMBERS).itemsize
    end = 1 + (len(said) - 1) * size // (size + 1)
    ids, mask = np.frombuffer(said[1:end], dtype=NUMBERS), np.frombuffer(said[end:], dtype=bool)
    return Document(ids, mask)
