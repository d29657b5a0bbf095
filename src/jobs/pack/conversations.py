"""The conversations of an artifact as documents, and what became of those that are none."""

import logging
from collections import Counter
from collections.abc import Iterator

from jobs.artifacts.reading import Artifact
from jobs.command.bounded import Bounded
from jobs.errors import BadInputError
from jobs.kinds.conversations import read_conversations
from jobs.pack.chats import Dropped
from jobs.pack.encoding import conversation_document
from jobs.pack.packing import Document

log = logging.getLogger("pack")


class Conversations:
    """Each conversation once, in the order of the artifact, one in memory at a time."""

    def __init__(self, conversations: Artifact, encoder: Bounded) -> None:
        self._conversations, self._encoder = conversations, encoder
        self.packed: Counter[str] = Counter(conversations=0, tokens=0, tokens_with_loss=0)
        """Of those that `documents` gave."""
        self._dropped: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def documents(self) -> Iterator[Document]:
        """Raises BadInputError where there is none at the end, with the reasons."""
        for number, messages in enumerate(read_conversations(self._conversations), 1):
            document = conversation_document(self._encoder, messages)
            if isinstance(document, Dropped):
                self._dropped[document.reason] += 1
                self._first.setdefault(document.reason, f"line {number}: {document.said}")
                continue
            self.packed["conversations"] += 1
            self.packed["tokens"] += len(document.ids)
            if document.loss_mask is not None:
                self.packed["tokens_with_loss"] += int(document.loss_mask.sum())
            yield document
        self._tell_dropped()

    def _tell_dropped(self) -> None:
        for reason, said in self._first.items():
            number = self._dropped[reason]
            log.warning("dropped reason=%s conversations=%d first=%s", reason, number, said)
        if not self.packed["conversations"]:
            reasons = "; ".join(f"{reason}, {said}" for reason, said in self._first.items())
            raise BadInputError(
                f"no conversation of {self._conversations.uri} can be packed "
                f"({reasons or 'there is none'}); "
                "mend them, or give a model with another chat template"
            )

    def statistics(self) -> dict[str, int | dict[str, int]]:
        """Of what was packed, and dropped."""
        packed = self.packed["conversations"]
        return {"conversations": packed, "conversations_dropped": dict(self._dropped)}
