"""What a model's tokens are called, whether two models mean the same, and rows to add.

Included: token ↔ id from the tokenizer's files, their comparison, and which model each row of
an extended embedding comes from. Not included: how text is cut into tokens, which moves no row.

Ordinary tokens are those of the tokenizer's model; added ones are those that are matched whole
before it (special tokens, reserved places). A token that is both counts as added.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from jobs.artifacts.hashing import digest_of_file
from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError

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
_COMPARED = (("base", "instruct"), ("base", "onto"), ("instruct", "onto"), ("residual", "onto"))
_NAMED = 3
_SHOWN_CHARACTERS = 40


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


class Rows(NamedTuple):
    """Rows `start` (included) to `stop` (excluded) of an embedding, and where they come from."""

    start: int
    stop: int
    source: str
    """``sum`` (onto + instruct − base), ``onto`` or ``instruct``."""


def check_vocabularies(models: Mapping[str, Artifact]) -> list[str]:
    """Raises BadInputError where a token means another row in one model than in another.

    `models` maps roles to models. Base and instruct are compared in all tokens; either of them
    (or the stored ``residual``, which has the instruct model's) with onto in ordinary ones:
    siblings such as Llama 3 and 3.1 give new names to reserved places. Returns those new names,
    as against the tokenizer that the candidate takes, for the statistics.

    Models whose files have equal digests are not compared.
    """
    digests = {role: _digests(model) for role, model in models.items()}
    pairs = [
        (first, second)
        for first, second in _COMPARED
        if first in models and second in models and digests[first] != digests[second]
    ]
    roles = dict.fromkeys(role for pair in pairs for role in pair)
    read = {role: read_vocabulary(models[role]) for role in roles}
    renamed: list[str] = []
    for pair in pairs:
        first, second = (read[role] for role in pair)
        renamed = check_meaning(first, second, pair, ordinary_only="onto" in pair)
    return renamed


def read_vocabulary(model: Artifact) -> Vocabulary:
    """Tokens and ids: tokenizer.json, else vocab.json, else tokenizer.model (not opened).

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


def check_meaning(
    base: Vocabulary, other: Vocabulary, roles: tuple[str, str], *, ordinary_only: bool = False
) -> list[str]:
    """Raises BadInputError where a token of both has two ids, or an id of both two tokens.

    Tokens that only one of them has are no matter here: their rows are. With `ordinary_only`,
    added tokens may bear other names or ids; they are returned, as text.
    """
    first, second = (
        f"--{role} {one.where}" for role, one in zip(roles, (base, other), strict=True)
    )
    if base.known != other.known:
        unknown = second if base.known else first
        raise BadInputError(
            f"{unknown} has no tokenizer, or one without tokens, to compare with that of "
            f"{first if base.known else second}; add the tokenizer's files"
        )
    if base.opaque != other.opaque:
        raise BadInputError(
            f"{SENTENCEPIECE} is not the same file in {first} and {second}, or only one has no "
            f"{TOKENIZER}; add {TOKENIZER} to both, so that their tokens can be compared"
        )
    wrong, renamed = _conflicts(base, other, roles, ordinary_only)
    if wrong:
        raise BadInputError(
            f"tokens mean other rows in {first} than in {second}, {len(wrong)} in all: "
            f"{'; '.join(wrong[:_NAMED])}{'; …' if len(wrong) > _NAMED else ''}; "
            "merge models of one vocabulary"
        )
    return renamed


def row_sources(rows: Mapping[str, int]) -> list[Rows]:
    """Cuts the rows of the extended embedding by where they come from.

    `rows` has the numbers of rows of onto, base and instruct. The result has as many as the
    larger of onto and instruct. Rows that both have are summed, and the rest is taken as it is
    from the one that has it, whether base has it or not: where onto or instruct lacks a row,
    there is nothing to add.

    Raises BadInputError where both have rows that base lacks. Their residual is not known, nor
    whether a row means one token to both. It would not help if it did: to take either side's
    would drop what the other learned.
    """
    shared, result = sorted((rows["onto"], rows["instruct"]))
    if rows["base"] < shared:
        raise BadInputError(
            f"--vocabulary extend: --onto ({rows['onto']} rows) and --instruct "
            f"({rows['instruct']}) both have rows that --base ({rows['base']}) lacks, so that "
            f"the residual of rows {rows['base']} to {shared - 1} is not known; use the base "
            "with the same tokens"
        )
    longer = "onto" if rows["onto"] == result else "instruct"
    cut = [Rows(0, shared, "sum"), Rows(shared, result, longer)]
    return [part for part in cut if part.start < part.stop]


def _digests(model: Artifact) -> dict[str, str]:
    return {file.path: file.digest for file in model.manifest.files if file.path in FILES}


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
        raise _wrong(model, path, f"the token of id {_shown(id_)}", "text", token)
    if not isinstance(id_, int) or isinstance(id_, bool) or id_ < 0:
        raise _wrong(model, path, f"the id of token {_shown(token)}", "a number from 0", id_)
    if into.setdefault(token, id_) != id_:
        raise BadInputError(
            f"{model.uri}/{path} gives token {_shown(token)} the id {id_}, but it has "
            f"{into[token]} already; {_FIX}"
        )


def _check_ids(ordinary: dict[str, int], added: dict[str, int], model: Artifact) -> None:
    """Raises BadInputError unless tokens and ids are one to one, in both together."""
    tokens: dict[int, str] = {}
    for token, id_ in (*ordinary.items(), *added.items()):
        if ordinary.get(token, id_) != id_:
            said = f"token {_shown(token)} has the ids {ordinary[token]} and {id_}"
        elif tokens.setdefault(id_, token) != token:
            said = f"id {id_} is token {_shown(tokens[id_])} and token {_shown(token)}"
        else:
            continue
        raise BadInputError(f"the tokenizer of {model.uri} contradicts itself: {said}; {_FIX}")


def _object(value: Any, what: str, model: Artifact, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(model, path, what, "an object", value)
    return value


def _wrong(model: Artifact, path: str, what: str, expected: str, came: Any) -> BadInputError:
    return BadInputError(
        f"{model.uri}/{path} is no tokenizer's file: {what} is {_shown(came)}, expected {expected}"
    )


def _conflicts(
    base: Vocabulary, other: Vocabulary, roles: tuple[str, str], ordinary_only: bool
) -> tuple[list[str], list[str]]:
    """Tokens of `base` that have another id, or whose id has another token, in `other`.

    First those that count, then those that may differ; one phrase each, in order of ids.
    """
    first, second = roles
    tokens = {id_: token for part in (other.ordinary, other.added) for token, id_ in part.items()}
    wrong: list[str] = []
    renamed: list[str] = []
    every = sorted((*base.ordinary.items(), *base.added.items()), key=lambda item: item[1])
    for token, id_ in every:
        there = tokens.get(id_, token)
        moved = other.ordinary.get(token, other.added.get(token, id_))
        if there == token and moved == id_:
            continue
        if there != token:
            said = f"id {id_} is {_shown(token)} in --{first}, {_shown(there)} in --{second}"
        else:
            said = f"{_shown(token)} has id {id_} in --{first}, {moved} in --{second}"
        ordinary = token in base.ordinary or token in other.ordinary or there in other.ordinary
        (wrong if ordinary or not ordinary_only else renamed).append(said)
    return wrong, renamed


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return repr(value[:_SHOWN_CHARACTERS]) + "…" * (len(value) > _SHOWN_CHARACTERS)
    return f"a {type(value).__name__}" if isinstance(value, (dict, list)) else f"{value!r:.40}"
