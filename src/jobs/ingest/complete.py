"""Whether weights are all that their config says a model has, by their names and shapes. Pure.

Of known families every tensor is expected by name and shape (`jobs.kinds.families`). Of all
others this much holds: layers and experts are numbered without gaps, as many as the config says,
and none lacks what another of its like has.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from jobs.errors import BadInputError
from jobs.kinds.families import SIZES, Shape, expected_tensors, is_known
from jobs.kinds.heads import check_head, embedding_and_head
from jobs.kinds.model import CONSTANTS
from jobs.kinds.safetensors_header import Tensor
from jobs.words import listed, shortened, shown

TYPES = ("BF16", "F16", "F32")
"""Of weights that merge and train take."""
_NUMBERS_OF_LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
_ALWAYS_NUMBERS = ("vocab_size", *_NUMBERS_OF_LAYERS)
_OTHER_SIZES = ("num_key_value_heads", "head_dim")
_LAYERS, _EXPERTS = ("layers", "h", "blocks", "block", "layer"), ("experts",)
_FIX = "the download is not complete, or config.json is another model's"

Tensors = Mapping[str, Tensor]
Stacks = dict[str, dict[int, dict[str, tuple[int, ...]]]]
"""What is numbered: path → number → rest of a tensor's name → shape."""


def check_complete(config: Mapping[str, Any], tensors: Tensors, where: str) -> None:
    """Raises BadInputError unless these are a model's tensors, all of them and no others."""
    _check_each(tensors, where)
    _check_sizes(config, where)
    _check_vocabulary(config, tensors, where)
    check_head(config, tensors, where)
    stacks = _stacks(tensors)
    num_layers = _check_layers(config, stacks, where)
    expected = expected_tensors(config, num_layers)
    if expected is not None:
        _check_expected(expected, tensors, f"{where} ({config['model_type']})")
        return
    for path, numbered in stacks.items():
        if path.split(".")[-1] in _EXPERTS:
            _check_numbers(path, numbered, len(numbered), where)
            _check_alike(path, numbered, where)
        elif num_layers and not _layers_differ(config):
            layers = {number: rest for number, rest in numbered.items() if number < num_layers}
            _check_alike(path, layers, where)


def _check_each(tensors: Tensors, where: str) -> None:
    for tensor in tensors.values():
        if tensor.dtype not in TYPES:
            raise BadInputError(
                f"{where}: tensor {shortened(tensor.name)} is {tensor.dtype}; models are taken in "
                f"{', '.join(TYPES)}: use the model before it was quantised, or save it in one "
                "of them"
            )
        if tensor.elements == 0:
            raise BadInputError(
                f"{where}: tensor {shortened(tensor.name)} of shape {list(tensor.shape)} is "
                "empty; save the model again, whole (not one process's part of it)"
            )


def _check_sizes(config: Mapping[str, Any], where: str) -> None:
    """Of an unknown family, what it says must be a number; a known one says all."""
    known = is_known(config)
    for field in (*SIZES, *_OTHER_SIZES) if known else _ALWAYS_NUMBERS:
        value = config.get(field)
        optional = field not in SIZES or not known
        if not ((optional and value is None) or (type(value) is int and value > 0)):
            raise BadInputError(
                f"{where}/config.json has the {field} {shown(value)}, expected a number from 1; "
                "use the file that the model was published with"
            )


def _check_vocabulary(config: Mapping[str, Any], tensors: Tensors, where: str) -> None:
    rows = config.get("vocab_size")
    for name in embedding_and_head(tensors):
        shape = tensors[name].shape if name else ()
        if name and type(rows) is int and shape[:1] != (rows,):
            raise BadInputError(
                f"{where}: {name} has the shape {list(shape)}, but config.json's vocab_size is "
                f"{rows}; {_FIX}"
            )


def _stacks(tensors: Tensors) -> Stacks:
    """Every path of which parts are numbered, under one of the names for it."""
    found: Stacks = defaultdict(lambda: defaultdict(dict))
    for tensor in tensors.values():
        steps = tensor.name.split(".")
        for at in range(1, len(steps) - 1):
            number = steps[at]
            if steps[at - 1] in (*_LAYERS, *_EXPERTS) and number.isdecimal() and len(number) < 7:
                found[".".join(steps[:at])][int(number)][".".join(steps[at + 1 :])] = tensor.shape
    return found


def _check_layers(config: Mapping[str, Any], stacks: Stacks, where: str) -> int:
    """Number of layers; 0 where there is no one stack of them."""
    paths = [path for path in stacks if path.split(".")[-1] in _LAYERS]
    field = next((name for name in _NUMBERS_OF_LAYERS if type(config.get(name)) is int), None)
    if len(paths) > 1 or not (paths or field):
        return 0
    path = paths[0] if paths else "the model"
    layers = stacks[path] if paths else {}
    count = config[field] if field else len(layers)
    said = f", but config.json's {field} is {count}" if field else ""
    further = config.get("num_nextn_predict_layers")  # DeepSeek's, behind the last layer
    end = max(layers, default=-1) + 1
    if not layers or end > count + (further if type(further) is int else 0):
        raise BadInputError(f"{where}: {path} has {end} layers{said}; {_FIX}")
    _check_numbers(path, [number for number in layers if number < count], count, where, said)
    return int(count)


def _layers_differ(config: Mapping[str, Any]) -> bool:
    """Whether a list says of each layer what it is, and not all are alike."""
    return any(
        isinstance(value, list) and len(value) > 1 and any(one != value[0] for one in value)
        for field, value in config.items()
        if field not in ("architectures", "eos_token_id")
    )


def _check_numbers(
    path: str, numbered: Collection[int], count: int, where: str, said: str = ""
) -> None:
    if len(numbered) == count and (not count or max(numbered) == count - 1):
        return
    end = max([count - 1, *numbered])
    missing = [f"{path}.{n}" for n in range(min(end + 1, 10_000)) if n not in numbered]
    raise BadInputError(f"{where} has no tensors of {listed(missing)}{said}; {_FIX}")


def _check_alike(path: str, numbered: Mapping[int, Mapping[str, object]], where: str) -> None:
    """Refused is one that has a part of what another has, and nothing of its own."""
    first_of: dict[frozenset[str], int] = {}
    for number in sorted(numbered):
        first_of.setdefault(frozenset(_kinds(numbered[number])), number)
    for names, number in first_of.items():
        for others, other in first_of.items():
            if names < others:
                missing = sorted(f"{path}.{number}.{name}" for name in others - names)
                raise BadInputError(
                    f"{where} lacks {listed(missing)}, which {path}.{other} has; {_FIX}"
                )


def _kinds(names: Mapping[str, object]) -> set[str]:
    """Names below a layer, experts counted once: those have a check of their own."""
    return {
        "experts" if ".experts." in f".{name}" else name
        for name in names
        if not name.endswith(CONSTANTS)
    }


def _check_expected(expected: Mapping[str, Shape], tensors: Tensors, where: str) -> None:
    extra = sorted(
        name
        for name in tensors.keys() - expected.keys()
        if name != "lm_head.weight" and not name.endswith(CONSTANTS)
    )
    if missing := sorted(expected.keys() - tensors):
        instead = f", and has {listed(extra)}" if extra else ""
        raise BadInputError(f"{where} lacks {listed(missing)}{instead}; {_FIX}")
    if extra:
        raise BadInputError(
            f"{where} has tensors that transformers would leave out: {listed(extra)}; save it as a "
            "causal language model, or mend config.json"
        )
    for name, shape in expected.items():
        found = tensors[name].shape
        if len(found) != len(shape) or any(
            size not in (None, there) for size, there in zip(shape, found, strict=True)
        ):
            raise BadInputError(
                f"{where}: {name} has the shape {list(found)}, expected {list(shape)} by "
                f"config.json; {_FIX}"
            )
