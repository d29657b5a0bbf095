"""What a model's tokenizer files say: read strictly, checked so far as it is used.

Included: tokens and ids, roles (``eos_token``), the chat template, and that the files agree with
each other. Not included: how text is cut into tokens (`jobs.kinds.tokenizer`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.errors import BadInputError
from jobs.strict_json import parse
from jobs.words import not_utf8, shown

FILE = "tokenizer.json"
SETTINGS = "tokenizer_config.json"
SPECIAL = "special_tokens_map.json"
TEMPLATES = ("additional_chat_templates/default.jinja", "chat_template.jinja")
"""Where transformers looks for the chat template; the first there is counts."""
ROLES = tuple(f"{role}_token" for role in ("bos", "eos", "unk", "sep", "pad", "cls", "mask"))
KEPT = {"model_max_length": (int, float), "clean_up_tokenization_spaces": (bool,)}
"""What else of tokenizer_config.json is used, and its types."""
MAX_PARSED_BYTES = 2**30
"""What reading one file may take, by `jobs.strict_json`."""
FIX = "use the files that the model was published with"


@dataclass(frozen=True)
class Files:
    """What a model's tokenizer files say, checked so far as it is used. `where` is for errors."""

    where: str
    tree: Mapping[str, Any]
    """tokenizer.json."""
    ids: Mapping[str, int]
    """Of every token, those of the model and those added."""
    added: Mapping[str, Mapping[str, Any]]
    """The added tokens' entries by their text."""
    roles: Mapping[str, str]
    """``eos_token`` and its like → token; also names that only this model has (``image_token``)."""
    settings: Mapping[str, Any]
    """tokenizer_config.json."""
    chat_template: str | None


def read_files(folder: Path, where: str) -> Files:
    """Reads and checks. Raises BadInputError, naming the file."""
    if not (folder / FILE).is_file():
        raise BadInputError(
            f"{where} has no {FILE}; convert its tokenizer: "
            "transformers.AutoTokenizer.from_pretrained(…).save_pretrained(…)"
        )
    tree = _read(folder, FILE, where)
    settings = _read(folder, SETTINGS, where)
    added = _added(tree, where)
    ids = _model_ids(tree, where)
    for token, entry in added.items():
        if ids.setdefault(token, entry["id"]) != entry["id"]:
            raise wrong(where, FILE, f"{shown(token)} has the ids {ids[token]} and {entry['id']}")
    _check_ids("post_processor", around_text(tree), ids, where)
    _check_ids(SETTINGS, _decoder(settings, where).items(), ids, where)
    if "added_tokens_decoder" not in settings:
        settings = {**settings, **_read(folder, SPECIAL, where)}
    for name, types in KEPT.items():
        if settings.get(name) is None:
            settings.pop(name, None)
        elif type(settings[name]) not in types:
            raise wrong(where, SETTINGS, f"{name} is {shown(settings[name])}")
    roles = _roles(settings, ids, where)
    return Files(where, tree, ids, added, roles, settings, _template(folder, settings, where))


def _read(folder: Path, name: str, where: str) -> dict[str, Any]:
    path = folder / name
    if not path.exists():
        return {}
    found = parse(path.read_bytes(), f"{where}/{name}", MAX_PARSED_BYTES, allow_nan=True)
    if not isinstance(found, dict):
        raise wrong(where, name, f"it holds {shown(found)}, expected an object")
    return found


def _added(tree: Mapping[str, Any], where: str) -> dict[str, Mapping[str, Any]]:
    entries = tree.get("added_tokens") or []
    found = {}
    for entry in entries if isinstance(entries, list) else [entries]:
        text = entry.get("content") if isinstance(entry, dict) else None
        if not isinstance(text, str) or not text or not _is_id(entry.get("id")):
            raise wrong(where, FILE, f"{shown(entry)} is an added token without text or id")
        if text in found:
            raise wrong(where, FILE, f"{shown(text)} is added twice")
        found[text] = entry
    return found


def _model_ids(tree: Mapping[str, Any], where: str) -> dict[str, int]:
    model = tree.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    if isinstance(model, dict) and model.get("dropout"):
        said = f"model.dropout {shown(model['dropout'])} draws ids at random; remove it, or"
        raise BadInputError(f"{where}/{FILE}: {said} {FIX}")
    if isinstance(vocabulary, list):  # Unigram: [token, score] in the order of ids
        names = [entry[0] if isinstance(entry, list) and entry else None for entry in vocabulary]
        if all(isinstance(name, str) for name in names):
            # Of two entries with one name the later is found by it.
            return {name: number for number, name in enumerate(names) if name is not None}
    elif isinstance(vocabulary, dict) and all(map(_is_id, vocabulary.values())):
        return dict(vocabulary)
    raise wrong(where, FILE, "it has no vocabulary of tokens and ids (model.vocab)")


def _decoder(settings: Mapping[str, Any], where: str) -> dict[str, int]:
    """Token → id as tokenizer_config.json lists them."""
    entries = settings.get("added_tokens_decoder", {})
    found = {}
    for number, entry in entries.items() if isinstance(entries, dict) else [("", entries)]:
        token = entry.get("content") if isinstance(entry, dict) else None
        known = isinstance(number, str) and number.isascii() and number.isdecimal()
        if not isinstance(token, str) or not known or len(number) > 20:
            raise wrong(where, SETTINGS, f"added_tokens_decoder has {shown(number)}: no token")
        found[token] = int(number)
    return found


def _check_ids(
    part: str, said: Iterable[tuple[str, Any]], ids: Mapping[str, int], where: str
) -> None:
    for token, number in said:
        if ids.get(token) != number:
            fault = f"{shown(token)} has id {shown(number)} in {part}, and {ids.get(token)}"
            raise wrong(where, FILE, fault)


def around_text(tree: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Token and id of what the post-processor puts around a text, so far as it is well formed.

    What is not, the library refuses.
    """
    found: list[tuple[str, Any]] = []
    left = [tree.get("post_processor")]
    while left:
        one = left.pop()
        if not isinstance(one, dict):
            continue
        left += one["processors"] if isinstance(one.get("processors"), list) else []
        pairs = [one.get("sep"), one.get("cls")]  # of Bert and Roberta
        special = one.get("special_tokens")
        for entry in special.values() if isinstance(special, dict) else ():
            parts = [entry.get(key) for key in ("tokens", "ids")] if isinstance(entry, dict) else []
            if all(isinstance(part, list) for part in parts):
                pairs += map(list, zip(*parts, strict=False))
        found += [
            (pair[0], pair[1])
            for pair in pairs
            if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)
        ]
    return found


def _roles(settings: Mapping[str, Any], ids: Mapping[str, int], where: str) -> dict[str, str]:
    found = {}
    for name, value in settings.items():
        if not name.endswith("_token") or isinstance(value, bool) or value is None:
            continue
        token = value.get("content") if isinstance(value, dict) else value
        if isinstance(token, str) and token in ids and name.isidentifier():
            found[name] = token
        elif name in ("bos_token", "eos_token") or (name in ROLES and not isinstance(token, str)):
            raise wrong(where, SETTINGS, f"{name} is {shown(token)}, no token of {FILE}")
    return found


def _template(folder: Path, settings: Mapping[str, Any], where: str) -> str | None:
    """The chat template: a file of its own, else that of tokenizer_config.json (the default)."""
    for name in TEMPLATES:
        if (folder / name).is_file():
            try:
                return (folder / name).read_bytes().decode()
            except UnicodeDecodeError as error:
                raise wrong(where, name, not_utf8(error)) from error
    found = settings.get("chat_template")
    if isinstance(found, list):  # older files: [{"name": "default", "template": "…"}, …]
        named = {str(one.get("name")): one.get("template") for one in found if type(one) is dict}
        found = named.get("default")
    if found is not None and not isinstance(found, str):
        raise wrong(where, SETTINGS, f"chat_template is {shown(found)}, expected text")
    return found


def _is_id(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**32


def wrong(where: str, name: str, said: str) -> BadInputError:
    """For a file `name` that is not what it should be."""
    return BadInputError(f"{where}/{name} is no tokenizer's: {said}; {FIX}")
