"""Articles into tokens, by the tokenizer's own conventions. No text becomes a control token."""

from jobs.errors import BadInputError
from jobs.kinds.tokenizer import Plain
from jobs.words import shown


def encode_texts(plain: Plain, texts: list[str], where: str) -> list[list[int]]:
    """Ids of each text: with what the tokenizer's post-processor adds, and an end token.

    Raises BadInputError where the tokenizer has no end token, or gives a text's own characters
    the id of a control token all the same (as by one id for two tokens).
    """
    if plain.end is None:
        raise BadInputError(
            f"{where} sets no end token (eos_token) in tokenizer_config.json; documents need one"
        )
    found = []
    for text, encoded in zip(texts, plain.tokenizer.encode_batch_fast(texts), strict=True):
        ids: list[int] = encoded.ids
        if not plain.control.isdisjoint(ids):
            _check(plain, ids, encoded.special_tokens_mask, text, where)
        found.append(ids if ids and ids[-1] == plain.end else [*ids, plain.end])
    return found


def _check(plain: Plain, ids: list[int], added: list[int], text: str, where: str) -> None:
    """`added` is 1 for what the post-processor put around the text."""
    for number, own in zip(ids, added, strict=True):
        if not own and number in plain.control:
            raise BadInputError(
                f"{where} gives text the id {number} of a control token ({shown(text)}); use the "
                "files that the model was published with"
            )
