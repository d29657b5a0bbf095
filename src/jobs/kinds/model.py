"""What an artifact of kind ``model`` holds: its files by role, and where each tensor lies.

Included: reading safetensors headers and the index through the store by ranges, and checking that
they say one thing only. Not included: the format of one header (`jobs.kinds.safetensors_header`),
tensors' values, which merge reads in slices and train loads whole.
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from typing import Any

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.heads import check_head
from jobs.kinds.safetensors_header import Tensor, held_bytes, read_header
from jobs.kinds.vocabulary import TOKENIZER
from jobs.strict_json import memory_needed
from jobs.words import listed, shown

CONFIG = "config.json"
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
GENERATION = "generation_config.json"
TOKENIZER_FILES = (
    TOKENIZER,
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
)
CHAT_TEMPLATES = "additional_chat_templates"
"""A folder of chat templates by name, ``<name>.jinja``, beside chat_template.jinja."""
CONSTANTS = ("rotary_emb.inv_freq",)
"""Ends of names of constants in old files, which transformers does not read."""
PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")
MAX_BYTES = 2**28
MIN_BYTES = 2**24
"""What reading headers may always take, however small --max-bytes: a model of 3,000 tensors."""


def tokenizer_files(model: Artifact) -> list[str]:
    """The files there are from which transformers makes the tokenizer, its chat templates too."""
    return [path for path in model.paths if path in TOKENIZER_FILES or is_named_chat_template(path)]


def chat_files(model: Artifact) -> list[str]:
    """The files there are that make a model answer a chat as it does, beside weights and config."""
    return [*([GENERATION] if GENERATION in model else []), *tokenizer_files(model)]


def is_named_chat_template(path: str) -> bool:
    """Whether transformers takes it for a chat template of a name of its own."""
    folder, _, name = path.partition("/")
    return folder == CHAT_TEMPLATES and name.endswith(".jinja") and "/" not in name


def tokenizer_of(model: Artifact) -> Artifact:
    """A model as an input of which only the tokenizer's files matter."""
    return model.counting(tokenizer_files(model))


def read_tensors(model: Artifact, max_bytes: int = MAX_BYTES) -> dict[str, Tensor]:
    """Every tensor of a model, by name, in order of file and place.

    Takes at most `max_bytes` of memory (or MIN_BYTES), the result included. Raises BadInputError
    for headers or an index that do not fit each other and their files in every respect.
    """
    room = max(max_bytes, MIN_BYTES)
    index = _read_index(model, room)
    if index is not None:
        room -= memory_needed(model.size(INDEX), len(index))
    tensors: dict[str, Tensor] = {}
    for file in _chosen(model, index):
        found = read_file(model, file, room)
        room -= held_bytes(found)
        for tensor in found:
            if tensor.name in tensors:
                raise BadInputError(
                    f"{model.uri}: tensor {shown(tensor.name)} stands in "
                    f"{tensors[tensor.name].file} and in {file}; one of them is wrong"
                )
            tensors[tensor.name] = tensor
    if index is not None:
        check_index(f"{model.uri}/{INDEX}", index, tensors)
    if not tensors:
        raise BadInputError(f"{model.uri} has no tensors in its weights; it is no model")
    return tensors


def check_loadable(model: Artifact) -> dict[str, Tensor]:
    """Every tensor of a model that transformers is about to load, by name.

    Raises BadInputError for what it would fail on, or make up: models that were imported before
    that was looked at may be so.
    """
    tensors = read_tensors(model)
    if CONFIG not in model or TOKENIZER not in model:
        raise BadInputError(
            f"{model.uri} lacks {CONFIG} or its tokenizer, {TOKENIZER}; ingest it again"
        )
    config = model.read_json(CONFIG)
    if not isinstance(config, dict):
        raise BadInputError(f"{model.uri}/{CONFIG} is {shown(config)}, expected an object")
    check_head(config, tensors, model.uri)
    if INDEX in model and type(model.read_json(INDEX).get("metadata")) is not dict:
        raise BadInputError(f"{model.uri}/{INDEX} has no metadata; ingest the model again")
    return tensors


def weight_files(model: Artifact) -> list[str]:
    """The safetensors files of a model, in order.

    Raises BadInputError where there is none, or where it is not clear which ones are meant.
    """
    return _chosen(model, _read_index(model, MAX_BYTES))


def parameters(tensors: Iterable[Tensor]) -> int:
    """Number of parameters: elements of all tensors."""
    return sum(tensor.elements for tensor in tensors)


def shard_names(number: int) -> list[str]:
    """File names of a model in `number` shards, as transformers writes them.

    >>> shard_names(1), shard_names(2)[0]
    (['model.safetensors'], 'model-00001-of-00002.safetensors')
    """
    if number == 1:
        return [SINGLE]
    return [f"model-{i:05d}-of-{number:05d}.safetensors" for i in range(1, number + 1)]


def index_json(files: Mapping[str, Iterable[Tensor]]) -> dict[str, Any]:
    """The index of a sharded model: file → tensors, as transformers reads it."""
    total = sum(tensor.length for tensors in files.values() for tensor in tensors)
    names = {tensor.name: file for file, tensors in files.items() for tensor in tensors}
    return {"metadata": {"total_size": total}, "weight_map": dict(sorted(names.items()))}


def read_file(model: Artifact, file: str, max_bytes: int = MAX_BYTES) -> list[Tensor]:
    """The tensors of one file of weights, in order of place."""
    return read_header(
        lambda start, length: model.read_range(file, start, length),
        file,
        f"{model.uri}/{file}",
        model.size(file),
        max_bytes,
    )


def _chosen(model: Artifact, index: Mapping[str, str] | None) -> list[str]:
    if index is None:
        if SINGLE not in model:
            raise BadInputError(f"{model.uri} has neither {SINGLE} nor {INDEX}{_pickles(model)}")
        return [SINGLE]
    files = sorted(set(index.values()))
    for file in files:
        if fault := _fault_of(file, model):
            raise BadInputError(f"{model.uri}/{INDEX} lists {shown(file)}, which {fault}")
    if SINGLE in model and files != [SINGLE]:
        raise BadInputError(
            f"{model.uri} has both {SINGLE} and an index of other files ({shown(files[0])}); "
            "readers would differ on which is the model: remove one"
        )
    return files


def _pickles(model: Artifact) -> str:
    found = [path for path in model.paths if any(fnmatch(path, one) for one in PICKLES)]
    if not found:
        return "; only safetensors are read"
    return f", only {shown(found[0])}, a pickle, which could run code; convert it to safetensors"


def _fault_of(file: str, model: Artifact) -> str | None:
    """Why a file that the index names is not one to read."""
    parts = file.split("/")
    if file.startswith("/"):
        return "is an absolute path; expected a file beside it"
    if ".." in parts:
        return "points outside the model's folder; expected a file beside it"
    if len(parts) > 1 or "\\" in file:
        return "lies in another folder; expected a file beside it"
    if not file.endswith(".safetensors"):
        return "is no .safetensors file; convert the weights to safetensors"
    if file not in model:
        return "is missing"
    return None


def _read_index(model: Artifact, max_bytes: int) -> dict[str, str] | None:
    """Tensor → file as the index says it, or None where there is no index."""
    if INDEX not in model:
        return None
    return parse_index(model.read_json(INDEX, max_bytes), f"{model.uri}/{INDEX}")


def parse_index(index: Any, where: str) -> dict[str, str]:
    """Tensor → file as an index says it. Raises BadInputError where it is none."""
    weight_map = index.get("weight_map") if type(index) is dict else None
    if type(weight_map) is not dict or not weight_map:
        raise BadInputError(f"{where} has no weight_map; it must name tensors and files")
    for name, file in weight_map.items():
        if type(file) is not str:
            raise BadInputError(f"{where} maps {shown(name)} to {shown(file)}, expected a file")
    return weight_map


def check_index(where: str, index: Mapping[str, str], tensors: Mapping[str, Tensor]) -> None:
    """Raises BadInputError unless the index says of all tensors, and no others, where they are."""
    if unfound := sorted(index.keys() - tensors):
        raise BadInputError(f"{where} lists tensors that no file has: {listed(unfound)}")
    if unlisted := sorted(tensors.keys() - index):
        raise BadInputError(f"{where} lacks tensors that its files have: {listed(unlisted)}")
    for name, file in index.items():
        if tensors[name].file != file:
            raise BadInputError(
                f"{where} and its files disagree: it says that {shown(name)} is in {file}, "
                f"it is in {tensors[name].file}"
            )
