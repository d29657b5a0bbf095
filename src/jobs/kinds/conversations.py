"""Conversations: what instruction tuning learns from. One JSON object a line.

{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}
"""

import json
from collections.abc import Iterator

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError

CONVERSATIONS = "conversations.jsonl"
ROLES = {"system", "user", "assistant"}


def read_conversations(artifact: Artifact) -> Iterator[list[dict[str, str]]]:
    """The messages of each conversation. Raises BadInputError naming the line."""
    artifact.verify(CONVERSATIONS)
    with artifact.open_file(CONVERSATIONS) as file:
        for number, line in enumerate(file, 1):
            try:
                messages = json.loads(line)["messages"]
                good = all(m["role"] in ROLES and isinstance(m["content"], str) for m in messages)
                good = good and messages[0]["role"] != "assistant"
            except (ValueError, KeyError, TypeError, IndexError):
                good = False
            if not good:
                raise BadInputError(
                    f"{artifact.uri}/{CONVERSATIONS} line {number} is no conversation; "
                    'expected {"messages": [{"role": "user", "content": "…"}, …]}'
                )
            yield messages
