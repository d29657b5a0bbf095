"""The child process in which pack encodes: a tokenizer and its chat template are not trusted.

``python -m jobs.pack.encoder <socket> articles|conversations <folder> <where>``, run by
`jobs.pack.encoding`, which knows the other side of these messages.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from jobs.command.bounded import answer
from jobs.kinds.tokenizer import Plain, load_plain, load_tokenizer, refusing, without_torch
from jobs.pack.chats import Chats
from jobs.pack.served import comparison
from jobs.pack.tokens import Encoder

LOAD, COMPARE = b"load", b"compare"
"""Requests besides those to encode, which are JSON: the first is answered with nothing, as it all
happens before; the second with a warning, or nothing."""
ARTICLES, CONVERSATIONS = "articles", "conversations"
NUMBERS = np.int32
"""Of token ids, and of how many there are."""


def start() -> Callable[[bytes], bytes]:
    """How requests are answered, by what there is to encode. Raises BadInputError."""
    what, folder, where = sys.argv[2:]
    if what == ARTICLES:
        handle = _articles(load_plain(Path(folder), where), where)
    else:
        handle = _conversations(Chats(load_tokenizer(Path(folder), where), where), where)
    compare = comparison(Path(folder), where)

    def any_handle(request: bytes) -> bytes:
        if request == LOAD:
            return b""
        return compare().encode() if request == COMPARE else handle(request)

    return any_handle


def _articles(plain: Plain, where: str) -> Callable[[bytes], bytes]:
    encode = Encoder(plain, where)

    def handle(request: bytes) -> bytes:
        """Texts → how many tokens each has, then all tokens."""
        with refusing(f"{where} has a tokenizer that fails on an article"):
            found = encode(json.loads(request))
        sizes = np.array([len(one) for one in found], dtype=NUMBERS)
        return np.concatenate([sizes, *found], dtype=NUMBERS).tobytes()

    return handle


def _conversations(chats: Chats, where: str) -> Callable[[bytes], bytes]:
    def handle(request: bytes) -> bytes:
        """Messages → a byte a token, 1 with loss, then the tokens; or why there are none."""
        with refusing(f"{where} has a chat template that fails"):
            found = chats.encode(json.loads(request))
        if isinstance(found, tuple):
            ids, mask = found
            return b"\1" + np.array(ids, dtype=NUMBERS).tobytes() + bytes(mask)
        return b"\0" + json.dumps([found.reason, found.said]).encode()

    return handle


if __name__ == "__main__":
    without_torch()
    answer(start)
