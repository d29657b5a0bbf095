"""What a model's tokens are called: token ↔ id, from the tokenizer's files.

Not included: how text is cut into tokens, which moves no row; what two models make of one id, which
merge compares.

Ordinary tokens are those of the tokenizer's model; added ones are those that are matched whole
before it (special and reserved tokens). A token that is both counts as added.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.artifacts.hashing import digest_of, digest_of_file
from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.words import shown

TOKENIZER = "tokenizer.json"
PLAIN = "vocab.json"
SENTENCEPIECE = "tokenizer.model"
ADDED = "added_tokens.json"
SETTINGS = "tokenizer_config.json"
FILES = (TOKENIZER, PLAIN, SENTENCEPIECE, ADDED, SETTINGS)
MAX_PARSED_BYTES = 2**30
"""What reading one file may take, by `jobs.strict_json`; Gemma 3's is estimated at 0.9 of it, and
takes a third."""
_FIX = "use the files that the model was published with"


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of one model. Costs about 100 bytes a token."""

    where: str
    """URI of the model, for messages."""
    ordinary: Mapping[str, int]
    added: Mapping[str, int]
    opaque: str | None = None
    """Digest of the SentencePiece model, where that alone says what the ordinary tokens are."""

    @property
    def known(self) -> bool:
        """Whether any file says what the tokens are."""
        return bool(self.ordinary or self.added or self.opaque)


def same_tokens(one: Artifact, other: Artifact) -> bool:
    """Whether two models' files say the same of all tokens, as far as that shows without reading
    more than tokenizer_config.json, of which only added tokens matter, not the chat template.
    """
    first, second = (
        {file.path: file.digest for file in model.manifest.files if file.path in FILES}
        for model in (one, other)
    )
    if first == second:
        return True
    first.pop(SETTINGS, None)
    second.pop(SETTINGS, None)
    return first == second and _added_in_settings(one) == _added_in_settings(other)


def _added_in_settings(model: Artifact) -> dict[str, int]:
    added: dict[str, int] = {}
    if SETTINGS in model:
        _read_added_tokens_decoder(model, added)
    return added


def read_vocabulary(model: Artifact) -> Vocabulary:
    """Tokens and ids: tokenizer.json, else vocab.json, else tokenizer.model (its digest alone).

    Added tokens are also looked for in added_tokens.json and tokenizer_config.json. Raises
    BadInputError for a file that is no JSON, has wrong types, gives one id to two tokens or two
    ids to one, or is larger than a tokenizer's (at most some 500 MB are held while one is read).
    """
    ordinary: dict[str, int] = {}
    added: dict[str, int] = {}
    opaque = None
    if TOKENIZER in model:
        _read_tokenizer(model, ordinary, added)
    elif PLAIN in model:
        _collect(ordinary, _tree(model, PLAIN), model, PLAIN)
    elif SENTENCEPIECE in model:
        with model.open_file(SENTENCEPIECE) as file:
            opaque = digest_of_file(file)
    if ADDED in model:
        _collect(added, _tree(model, ADDED), model, ADDED)
    if SETTINGS in model:
        _read_added_tokens_decoder(model, added)
    _check_ids(ordinary, added, model)
    for token in added:
        ordinary.pop(token, None)
    return Vocabulary(model.uri, ordinary, added, opaque)


def ordinary_digest(model: Artifact) -> str:
    """Of the tokens of the tokenizer's model, and their ids; scores and added tokens left out.

    A base and its instruct twin have the same, and two tokenizers do not. Raises BadInputError for
    a file that is no tokenizer's.
    """
    tree = _object(_tree(model, TOKENIZER).get("model"), "model", model, TOKENIZER)
    vocabulary = tree.get("vocab")
    if isinstance(vocabulary, list):  # Unigram
        vocabulary = [entry[:1] if isinstance(entry, list) else entry for entry in vocabulary]
    return digest_of(json.dumps(vocabulary, sort_keys=True).encode())


def _tree(model: Artifact, path: str) -> dict[str, Any]:
    return _object(model.read_json(path, MAX_PARSED_BYTES), "the file", model, path)


def _read_tokenizer(model: Artifact, ordinary: dict[str, int], added: dict[str, int]) -> None:
    tree = _tree(model, TOKENIZER)
    vocabulary = _object(tree.get("model"), "model", model, TOKENIZER).get("vocab")
    if isinstance(vocabulary, list):  # Unigram: [token, score] in the order of ids
        for id_, entry in enumerate(vocabulary):
            token = entry[0] if isinstance(entry, list) and entry else None
            _put(ordinary, token, id_, model, TOKENIZER)
    else:
        _collect(ordinary, _object(vocabulary, "model.vocab", model, TOKENIZER), model, TOKENIZER)
    entries = tree.get("added_tokens") or []
    if not isinstance(entries, list):
        raise _wrong(model, TOKENIZER, "added_tokens", "a list", entries)
    for entry in entries:
        found = _object(entry, "an added token", model, TOKENIZER)
        _put(added, found.get("content"), found.get("id"), model, TOKENIZER)


def _read_added_tokens_decoder(model: Artifact, added: dict[str, int]) -> None:
    settings = _tree(model, SETTINGS)
    listed = settings.get("added_tokens_decoder") or {}
    for text, entry in _object(listed, "added_tokens_decoder", model, SETTINGS).items():
        token = entry.get("content") if isinstance(entry, dict) else entry
        id_ = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else text
        _put(added, token, id_, model, SETTINGS)


def _collect(into: dict[str, int], found: dict[str, Any], model: Artifact, path: str) -> None:
    for token, id_ in found.items():
        _put(into, token, id_, model, path)


def _put(into: dict[str, int], token: Any, id_: Any, model: Artifact, path: str) -> None:
    if not isinstance(token, str):
        raise _wrong(model, path, f"the token of id {shown(id_)}", "text", token)
    if not isinstance(id_, int) or isinstance(id_, bool) or id_ < 0:
        raise _wrong(model, path, f"the id of token {shown(token)}", "a number from 0", id_)
    if into.setdefault(token, id_) != id_:
        raise BadInputError(
            f"{model.uri}/{path} gives token {shown(token)} the id {id_}, but it has "
            f"{into[token]} already; {_FIX}"
        )


def _check_ids(ordinary: dict[str, int], added: dict[str, int], model: Artifact) -> None:
    """Raises BadInputError unless tokens and ids are one to one, in both together."""
    tokens: dict[int, str] = {}
    for token, id_ in (*ordinary.items(), *added.items()):
        if ordinary.get(token, id_) != id_:
            said = f"token {shown(token)} has the ids {ordinary[token]} and {id_}"
        elif tokens.setdefault(id_, token) != token:
            said = f"id {id_} is token {shown(tokens[id_])} and token {shown(token)}"
        else:
            continue
        raise BadInputError(f"the tokenizer of {model.uri} contradicts itself: {said}; {_FIX}")


def _object(value: Any, what: str, model: Artifact, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(model, path, what, "an object", value)
    return value


def _wrong(model: Artifact, path: str, what: str, expected: str, came: Any) -> BadInputError:
    return BadInputError(
        f"{model.uri}/{path} is no tokenizer's file: {what} is {shown(came)}, expected {expected}"
    )
