"""Articles into tokens, by the tokenizer's own conventions. No text becomes a control token."""

import numpy as np

from jobs.errors import BadInputError
from jobs.kinds.rows import Tokens
from jobs.kinds.tokenizer import Plain
from jobs.words import shown


class Encoder:
    """A tokenizer for articles. Raises BadInputError where it has no end token."""

    def __init__(self, plain: Plain, where: str) -> None:
        """`where` names the model."""
        if plain.end is None:
            raise BadInputError(
                f"{where} sets no end token (eos_token) in tokenizer_config.json; documents need "
                "one"
            )
        self._plain, self._end, self._where = plain, plain.end, where
        self._is_control = np.zeros(max(plain.control, default=0) + 2, dtype=bool)
        self._is_control[list(plain.control)] = True  # the last is of all larger ids

    def __call__(self, texts: list[str]) -> list[Tokens]:
        """Ids of each text: with what the tokenizer's post-processor adds, and an end token.

        Raises BadInputError where the tokenizer gives a text's own characters the id of a control
        token all the same (as by one id for two tokens).
        """
        found = []
        tokenizer = self._plain.tokenizer
        for text, encoded in zip(texts, tokenizer.encode_batch_fast(texts), strict=True):
            ids: Tokens = np.array(encoded.ids, dtype=np.int32)
            control = np.flatnonzero(self._is_control.take(ids, mode="clip"))
            if len(control):
                self._check(ids[control], np.array(encoded.special_tokens_mask)[control], text)
            ends = len(ids) > 0 and ids[-1] == self._end
            found.append(ids if ends else np.append(ids, np.int32(self._end)))
        return found

    def _check(self, ids: Tokens, added: Tokens, text: str) -> None:
        """`added` is 1 for what the post-processor put around the text."""
        if own := ids[added == 0].tolist():
            raise BadInputError(
                f"{self._where} gives text the id {own[0]} of a control token ({shown(text)}); "
                "use the files that the model was published with"
            )
