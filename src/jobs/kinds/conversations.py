"""Conversations: what instruction tuning learns from. One JSON object a line.

{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}
"""

from collections.abc import Iterator

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.strict_json import parse

CONVERSATIONS = "conversations.jsonl"
ROLES = {"system", "user", "assistant"}
MAX_LINE_BYTES = 2**24
MAX_LINE_MEMORY = 2**28


def read_conversations(artifact: Artifact) -> Iterator[list[dict[str, str]]]:
    """The messages of each conversation, one in memory at a time.

    Raises BadInputError naming the line.
    """
    artifact.verify(CONVERSATIONS)
    with artifact.open_file(CONVERSATIONS) as file:
        number = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            where = f"{artifact.uri}/{CONVERSATIONS} line {number}"
            if len(line) > MAX_LINE_BYTES:
                raise BadInputError(f"{where} has more than {MAX_LINE_BYTES} bytes; split it")
            yield _messages(line, where)


def _messages(line: bytes, where: str) -> list[dict[str, str]]:
    conversation = parse(line, where, MAX_LINE_MEMORY)
    try:
        messages: list[dict[str, str]] = conversation["messages"]
        good = all(m["role"] in ROLES and _is_text(m["content"]) for m in messages)
        good = good and messages[0]["role"] != "assistant"
    except (KeyError, TypeError, IndexError):
        good = False
    if not good:
        raise BadInputError(
            f"{where} is no conversation; "
            'expected {"messages": [{"role": "user", "content": "…"}, …]}'
        )
    return messages


def _is_text(value: object) -> bool:
    """Whether it is a string of whole characters: JSON may hold half of one (a lone surrogate)."""
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)
