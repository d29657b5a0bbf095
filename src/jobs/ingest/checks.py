"""Whether config, tokenizer and weights of a model say one thing, beside the tensors' names.

Read from the files as they lie in the store, before the commit.
"""

import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.heads import embedding_and_head, is_tied, same_values
from jobs.kinds.model import CONFIG, GENERATION, tokenizer_files
from jobs.kinds.safetensors_header import Tensor
from jobs.kinds.tokenizer_files import around_text, read_files
from jobs.kinds.vocabulary import MAX_PARSED_BYTES, TOKENIZER, read_vocabulary
from jobs.words import listed, not_utf8, shown

NAMES_OF_TYPES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}
MAX_TEMPLATE_BYTES = 2**20
"""Of a chat template; the largest that are published have 30,000."""
_NAME = re.compile(r"[A-Za-z0-9_][\w.-]{0,99}", re.ASCII)
_ROLES = tuple(f"{role}_token" for role in ("bos", "cls", "eos", "mask", "pad", "sep", "unk"))
_FIX_TOKENS = (
    "give the model rows for it (resize_token_embeddings), or use the tokenizer that the model "
    "was published with"
)


def check_config(config: Any, where: str) -> str:
    """The architecture that it names. Raises BadInputError for what is no model's config."""
    architectures = config.get("architectures") if isinstance(config, dict) else None
    if not isinstance(architectures, list) or not architectures:
        raise BadInputError(f"{where}/{CONFIG} names no architecture; it is no model's")
    architecture = architectures[0]
    if not isinstance(architecture, str) or not _is_name(architecture):
        raise BadInputError(
            f"{where}/{CONFIG} names the architecture {shown(architecture)}, "
            "expected a class of transformers"
        )
    if not _is_name(config.get("model_type")):
        raise BadInputError(
            f"{where}/{CONFIG} has the model_type {shown(config.get('model_type'))}, expected a "
            "name; use the file that the model was published with"
        )
    if config.get("quantization_config"):
        raise BadInputError(
            f"{where}/{CONFIG} has quantization_config: a quantised model can neither be trained "
            "nor merged; use the model as it was before"
        )
    if "configuration_files" in config:
        raise BadInputError(
            f"{where}/{CONFIG} has configuration_files: other files by version of transformers; "
            f"remove the field, and keep in {CONFIG} what holds"
        )
    return architecture


def _is_name(value: Any) -> bool:
    """Whether classes and types of models are called so."""
    return isinstance(value, str) and bool(_NAME.fullmatch(value))


def check_side_files(model: Artifact) -> None:
    """Raises BadInputError unless JSON is an object and a template is text."""
    for path in model.paths:
        if path.endswith(".jinja"):
            if model.size(path) > MAX_TEMPLATE_BYTES:
                raise BadInputError(
                    f"{model.uri}/{path} has {model.size(path)} bytes, at most "
                    f"{MAX_TEMPLATE_BYTES} are taken; it is no chat template: remove it"
                )
            try:
                model.read(path).decode()
            except UnicodeDecodeError as error:
                raise BadInputError(
                    f"{model.uri}/{path} is no text: {not_utf8(error)}; save it as UTF-8"
                ) from error
        elif path.endswith(".json"):
            found = model.read_json(path, MAX_PARSED_BYTES)
            if not isinstance(found, dict):
                raise BadInputError(
                    f"{model.uri}/{path} holds {shown(found)}, expected an object; use the file "
                    "that the model was published with"
                )
            if "fast_tokenizer_files" in found:
                raise BadInputError(
                    f"{model.uri}/{path} has fast_tokenizer_files: other files by version of "
                    f"transformers; remove the field, and keep in {TOKENIZER} what holds"
                )


def check_heads(
    config: Mapping[str, Any], model: Artifact, tensors: Mapping[str, Tensor], where: str
) -> None:
    """Raises BadInputError where the config ties a head that has values of its own."""
    embedding, head = embedding_and_head(tensors)
    if embedding is None or head is None:
        return
    try:
        tied = is_tied(config)
    except BadInputError as error:
        raise BadInputError(f"{where}: {error}") from error
    if tied and not same_values(model, tensors, embedding, head):
        raise BadInputError(
            f"{where} has a {head} that differs from {embedding}, though its {CONFIG} ties "
            "them; set tie_word_embeddings to false if the head was trained, or else remove it"
        )


def check_tokenizer(model: Artifact) -> None:
    """Raises BadInputError for files that are no tokenizer, or contradict each other."""
    with tempfile.TemporaryDirectory() as scratch:
        read_files(model.local_copy(Path(scratch), tokenizer_files(model)), model.uri)


def check_tokens(config: Mapping[str, Any], model: Artifact, tensors: Mapping[str, Tensor]) -> None:
    """Raises BadInputError where a token has no row.

    Let through is a special token that is nothing to the tokenizer (Gemma 3's for images, in its
    models for text alone): no text is ever given its id.
    """
    embedding, _ = embedding_and_head(tensors)
    rows = tensors[embedding].shape[0] if embedding else config.get("vocab_size")
    if not isinstance(rows, int):
        return
    vocabulary = read_vocabulary(model)
    ids = {**vocabulary.ordinary, **vocabulary.added}
    around = {token for token, _ in around_text(model.read_json(TOKENIZER, MAX_PARSED_BYTES))}
    beyond = {token for token, id_ in ids.items() if id_ >= rows}
    if beyond and (used := sorted(beyond - (_unused(model) - around))):
        raise BadInputError(
            f"the tokenizer of {model.uri} has tokens for which the model has no row: "
            f"{listed(used)} (the highest id is {max(ids[token] for token in used)}, and there "
            f"are {rows} rows); {_FIX_TOKENS}"
        )
    _check_ids(config, rows, f"{model.uri}/{CONFIG}")
    if GENERATION in model:
        _check_ids(model.read_json(GENERATION), rows, f"{model.uri}/{GENERATION}")


def _unused(model: Artifact) -> set[str]:
    """Tokens that are special and have no role."""
    entries = model.read_json(TOKENIZER, MAX_PARSED_BYTES).get("added_tokens") or []
    special = {entry["content"] for entry in entries if entry.get("special") is True}
    for path in ("tokenizer_config.json", "special_tokens_map.json"):
        settings = model.read_json(path) if path in model else {}
        for role in _ROLES:
            token = settings.get(role)
            special.discard(token.get("content") if isinstance(token, dict) else token)
    return special


def _check_ids(config: Mapping[str, Any], rows: int, where: str) -> None:
    for field in ("bos_token_id", "eos_token_id", "pad_token_id"):
        value = config.get(field)
        for id_ in value if isinstance(value, list) else [value]:
            # -1 is none: Llama 1 has it as its pad_token_id.
            if id_ is not None and (type(id_) is not int or not -1 <= id_ < rows):
                raise BadInputError(
                    f"{where} has the {field} {shown(id_)}, expected an id from 0 to below {rows}, "
                    f"the number of rows; {_FIX_TOKENS}"
                )


def with_true_type(
    config: dict[str, Any], tensors: Iterable[Tensor]
) -> tuple[dict[str, Any], str | None]:
    """The config with the type that most elements have, and what it said before if another.

    transformers, and whatever else serves the model, takes the config's word for it.
    """
    elements: Counter[str] = Counter()
    for tensor in tensors:
        elements[tensor.dtype] += tensor.elements
    ((main, _),) = elements.most_common(1)
    name = NAMES_OF_TYPES[main]
    wrong = {
        field: config[field]
        for field in ("dtype", "torch_dtype")
        if config.get(field) not in (None, name, f"torch.{name}")
    }
    if not wrong:
        return config, None
    said = ", ".join(f"{field} {shown(value)}" for field, value in wrong.items())
    return {**config, **dict.fromkeys(wrong, name)}, said
