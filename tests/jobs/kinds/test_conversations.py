"""Conversations that are none, line by line."""

import json
from pathlib import Path

import pytest

from jobs.errors import BadInputError
from jobs.kinds import conversations
from jobs.kinds.conversations import CONVERSATIONS, read_conversations
from tests.support.pico import commit

MESSAGES = [{"role": "user", "content": "x 🙂"}, {"role": "assistant", "content": "y"}]
GOOD = json.dumps({"messages": MESSAGES}).encode()


def of(content: str) -> bytes:
    """A conversation whose content is this piece of JSON."""
    return b'{"messages": [{"role": "user", "content": %s}]}' % content.encode()


HOSTILE = {
    "an empty line": b"",
    "no JSON": b"user: hello",
    "UTF-16": GOOD.decode().encode("utf-16"),
    "Latin-1": of('"é"').decode().encode("latin-1"),
    "half a character": of(r'"\ud83d"'),
    "its other half": of(r'"\ude42 x"'),
    "content in parts": of('[{"type": "text", "text": "x"}]'),
    "no content": of("null"),
    "a list": b"[]",
    "no messages": b'{"messages": []}',
    "messages by name": b'{"messages": {"role": "user", "content": "x"}}',
    "a message that is a text": b'{"messages": ["x"]}',
    "a role that is a list": b'{"messages": [{"role": [], "content": "x"}]}',
    "another role": b'{"messages": [{"role": "tool", "content": "x"}]}',
    "an answer first": b'{"messages": [{"role": "assistant", "content": "x"}]}',
    "the same key twice": b'{"messages": [], ' + GOOD[1:],
    "nested without end": b'{"messages": ' + b"[" * 100_000,
    "a number of many digits": of("1" * 5000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_conversation_is_named_by_its_line(name: str, tmp_path: Path) -> None:
    data = b"\n".join([GOOD, HOSTILE[name], GOOD])
    chat = commit(f"{tmp_path}/chat", "conversations", {CONVERSATIONS: data})
    read = read_conversations(chat)
    assert next(read) == MESSAGES
    with pytest.raises(BadInputError, match=rf"{CONVERSATIONS} line 2 "):
        next(read)


def test_a_line_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "MAX_LINE_BYTES", len(GOOD))
    chat = commit(f"{tmp_path}/chat", "conversations", {CONVERSATIONS: GOOD + b"\n"})
    with pytest.raises(BadInputError, match="line 1 has more than"):
        list(read_conversations(chat))
    monkeypatch.setattr(conversations, "MAX_LINE_BYTES", len(GOOD) + 1)
    assert list(read_conversations(chat)) == [MESSAGES]
