"""Whether two models mean the same by a row: their tokens, compared.

A candidate adds rows of three models, so that a row must be one token to all of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.vocabulary import (
    SENTENCEPIECE,
    TOKENIZER,
    Vocabulary,
    read_vocabulary,
    same_tokens,
)
from jobs.words import shown

_COMPARED = (("base", "instruct"), ("base", "onto"), ("instruct", "onto"), ("residual", "onto"))
_NAMED = 3

ReadVocabulary = Callable[[Artifact], Vocabulary]


def check_vocabularies(
    models: Mapping[str, Artifact], read: ReadVocabulary = read_vocabulary
) -> list[str]:
    """Raises BadInputError where a token means another row in one model than in another.

    `models` maps roles to models. Base and instruct are compared in all tokens; either of them
    (or the stored ``residual``, which has the instruct model's) with onto in ordinary ones:
    siblings such as Llama 3 and 3.1 give new names to reserved tokens. Returns those new names,
    as against the tokenizer that the candidate takes, for the statistics.

    Models whose files say the same (`same_tokens`) are not compared; of them one is read.
    """
    like: dict[str, str] = {}  # role → the first role with the same tokens
    for role, model in models.items():
        like[role] = next((one for one in like.values() if same_tokens(models[one], model)), role)
    read_once = cache(read)
    renamed: list[str] = []
    for pair in _COMPARED:
        if not models.keys() >= {*pair} or like[pair[0]] == like[pair[1]]:
            continue
        first, second = (
            replace(read_once(models[like[role]]), where=models[role].uri) for role in pair
        )
        renamed = check_meaning(first, second, pair, ordinary_only="onto" in pair)
    return renamed


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


def _conflicts(
    base: Vocabulary, other: Vocabulary, roles: tuple[str, str], ordinary_only: bool
) -> tuple[list[str], list[str]]:
    """Tokens of `base` that have another id, or whose id has another token, in `other`.

    First those that count, then those that may differ; one phrase each, in order of ids.
    """
    first, second = roles
    ids = {**other.ordinary, **other.added}
    tokens = {id_: token for token, id_ in ids.items()}
    wrong: list[str] = []
    renamed: list[str] = []
    every = sorted((*base.ordinary.items(), *base.added.items()), key=lambda item: item[1])
    for token, id_ in every:
        there = tokens.get(id_, token)
        moved = ids.get(token, id_)
        if there == token and moved == id_:
            continue
        if there != token:
            said = f"id {id_} is {shown(token)} in --{first}, {shown(there)} in --{second}"
        else:
            said = f"{shown(token)} has id {id_} in --{first}, {moved} in --{second}"
        ordinary = token in base.ordinary or token in other.ordinary or there in other.ordinary
        (wrong if ordinary or not ordinary_only else renamed).append(said)
    return wrong, renamed
