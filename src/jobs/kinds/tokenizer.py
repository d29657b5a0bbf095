"""A model's tokenizer as its ``tokenizer.json`` says it, in two forms.

`load_tokenizer` is for chats and evaluation: transformers' tokenizer on the file as it is. It is
not AutoTokenizer, which for many model types puts a pre-tokenizer of its own over that of
the file, so that ids are others than the model was trained with.

`load_plain` is for articles: no text becomes a control token (see `control_tokens`).

Start and end tokens around a text come from the file's post-processor alone. ``add_bos_token`` and
``add_eos_token`` of tokenizer_config.json are not looked at, as transformers 5 does not where there
is a tokenizer.json. **pack** encodes articles with what the post-processor adds, and puts the end
token (``eos_token``) after each where it is not there already. It encodes chats as the template
renders them and adds nothing. **evaluate** encodes prompts with what the post-processor adds,
unless the prompt begins with the start token already, as that of a chat template does.
"""

import json
import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from jobs.errors import BadInputError
from jobs.kinds.tokenizer_files import FILE, FIX, KEPT, ROLES, SETTINGS, Files, read_files, wrong
from jobs.libraries import cause
from jobs.words import shown

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

LOAD_BOUNDS = (300.0, 2**32)
"""Seconds of processor time and bytes that loading may take, the libraries included: of the largest
tokenizers, of a million tokens and merges, several times what it takes."""


@dataclass(frozen=True)
class Plain:
    """A tokenizer that takes every text for text."""

    tokenizer: Tokenizer
    end: int | None
    """Id of the end token."""
    control: frozenset[int]
    """Ids that no text may be given."""


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Whatever a library raises over a model's files, as one BadInputError."""
    try:
        yield
    except (BadInputError, MemoryError):
        raise
    except BaseException as error:
        panic = type(error).__module__ == "pyo3_runtime"  # of compiled code; no Exception
        if not panic and not isinstance(error, Exception):
            raise
        raise BadInputError(f"{what}: {cause(error)}; {FIX}") from error


def bounds(characters: int) -> tuple[float, int]:
    """Seconds and bytes that encoding or rendering texts may take, ten times what it does."""
    return 10.0 + characters / 20_000, 2**30 + 1000 * characters


def without_torch() -> None:
    """For a process that does nothing else: no tokenizer needs it, and it takes seconds to import.

    pack's image has none, either.
    """
    sys.modules["torch"] = None  # type: ignore[assignment]


def load_tokenizer(folder: Path, where: str) -> "PreTrainedTokenizerFast":
    """Of transformers, on the file as it is, with the config's roles and chat template.

    A role whose token the file does not have is left out: it would get an id of its own. Raises
    BadInputError for whatever is no tokenizer; `where` names the model.
    """
    from transformers import PreTrainedTokenizerFast

    files = read_files(folder, where)
    with refusing(f"{where} has a tokenizer that cannot be loaded"):
        own = {name: token for name, token in files.roles.items() if name not in ROLES}
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_file=str(folder / FILE),
            chat_template=files.chat_template,
            model_specific_special_tokens=own,
            **{name: files.roles[name] for name in ROLES if name in files.roles},
            **{name: files.settings[name] for name in KEPT if name in files.settings},
        )
        _check_ids(tokenizer.backend_tokenizer, files.ids, files)
    return tokenizer


def load_plain(folder: Path, where: str) -> Plain:
    """The tokenizer for articles: the file, with control tokens under names that no text has.

    They keep their ids and places, so that all other tokens keep theirs. Renamed, they are found
    neither whole before the tokenizer's model nor by the model itself (Unigram and WordLevel would
    find ``</s>`` in a text by its name). Raises BadInputError.
    """
    files = read_files(folder, where)
    control = control_tokens(files)
    end = files.roles.get("eos_token")
    for role in ("bos_token", "eos_token"):
        if (token := files.roles.get(role)) is not None and token not in control:
            raise BadInputError(
                f"{where} has the {role} {shown(token)}, which texts hold, too; set one in "
                f"{SETTINGS} that they do not"
            )
    names = {token: secrets.token_hex(16) for token in control}
    with refusing(f"{where} has a tokenizer that cannot be loaded"):
        tokenizer = Tokenizer.from_str(json.dumps(_renamed(files.tree, names)))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        _check_ids(tokenizer, {names.get(token, token): i for token, i in files.ids.items()}, files)
    unknown = _unknown(files.tree)
    forbidden = frozenset(files.ids[token] for token in control if token != unknown)
    return Plain(tokenizer, None if end is None else files.ids[end], forbidden)


def control_tokens(files: Files) -> set[str]:
    """Added tokens and roles that mean something to the model which no text may say.

    Special ones are, and of the others those that look like marks: ``<tool_call>``, ``<think>``.
    Ordinary text are runs of spaces and line ends (GPT-NeoX, phi and Gemma add such tokens), words
    and numbers, and whatever is a single character, special or not: texts consist of them.
    """
    special = {token for token, entry in files.added.items() if entry.get("special") is True}
    special |= set(files.roles.values())
    return {
        token
        for token in {*files.added, *special}
        if len(token) > 1 and (token in special or not _is_text(token))
    }


def _is_text(token: str) -> bool:
    return token.isalnum() or not token.replace("▁", " ").strip()


def _renamed(tree: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """A tokenizer.json in which tokens are called otherwise, and none is made by a merge."""

    def new(token: str) -> str:
        return names.get(token, token)

    model = dict(tree["model"])
    vocabulary = model["vocab"]
    if isinstance(vocabulary, list):
        model["vocab"] = [[new(entry[0]), *entry[1:]] for entry in vocabulary]
    else:
        model["vocab"] = {new(token): number for token, number in vocabulary.items()}
    if isinstance(unknown := model.get("unk_token"), str):
        model["unk_token"] = new(unknown)
    if isinstance(merges := model.get("merges"), list):
        prefix = model.get("continuing_subword_prefix") or ""
        model["merges"] = [one for one in merges if not _makes(one, prefix, names)]
    added = [{**one, "content": new(one["content"])} for one in tree.get("added_tokens") or []]
    return {**tree, "model": model, "added_tokens": added}


def _makes(merge: Any, prefix: str, names: Mapping[str, str]) -> bool:
    """Whether a merge makes one of these tokens, or is made of one."""
    left, right = merge.split(" ", 1) if isinstance(merge, str) else merge
    return left in names or right in names or left + right.removeprefix(prefix) in names


def _unknown(tree: Mapping[str, Any]) -> str | None:
    """The token for what the tokenizer does not know, which a text may be given."""
    model = tree["model"]
    if isinstance(model["vocab"], list):
        number = model.get("unk_id")
        return None if number is None else str(model["vocab"][number][0])
    unknown: str | None = model.get("unk_token")
    return unknown


def _check_ids(tokenizer: Any, ids: Mapping[str, int], files: Files) -> None:
    """The library gives added tokens the next ids, whatever the file says."""
    if (found := tokenizer.get_vocab(with_added_tokens=True)) == ids:
        return
    for token in _unlike(ids, found):
        said = f"{shown(token)} has id {ids.get(token)}, and is read as {found.get(token)}"
        raise wrong(files.where, FILE, said)


def _unlike(ids: Mapping[str, int], found: Mapping[str, int]) -> Iterable[str]:
    return (token for token in sorted({*ids, *found}) if ids.get(token) != found.get(token))
