"""Which files of a model are imported, and under which names its weights come out.

Weights come out in one form: ``model.safetensors`` alone, or shards named as transformers names
them beside an index of our own (`jobs.kinds.model.index_json`), which any source's index must
agree with. Of a source that has an index, the files are taken that it names; without one,
model.safetensors, or shards numbered without a gap.
"""

import re
import shlex
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch

from jobs.errors import BadInputError
from jobs.kinds.model import (
    CONFIG,
    GENERATION,
    INDEX,
    PICKLES,
    SINGLE,
    TOKENIZER_FILES,
    is_named_chat_template,
    shard_names,
)
from jobs.kinds.vocabulary import TOKENIZER
from jobs.store.folder import is_folder
from jobs.words import listed, shown

WEIGHTS = "model*.safetensors"
IMPORTED = (CONFIG, GENERATION, INDEX, WEIGHTS, "LICENSE*", *TOKENIZER_FILES)
_NUMBERED = re.compile(r"model-([0-9]{5})-of-([0-9]{5})\.safetensors")
_CONVERTED = ("*.gguf", "*.ggml", "*.onnx", "*.h5", "*.msgpack", "*.npz")
_TOKENIZERS = ("*.model", "vocab.*", "tekken.json", "*.tiktoken", "merges.txt")


def choose(names: Iterable[str], where: str) -> list[str]:
    """The files to import, sorted: weights, settings and tokenizer; never code or pickles.

    What lies in subfolders is left out, but for named chat templates. Raises BadInputError where
    the config, the weights or the tokenizer is missing.
    """
    present = sorted(names)
    chosen = [name for name in present if _is_imported(name)]
    for name in chosen:
        if not name.isprintable():
            raise BadInputError(f"{where} has a file named {shown(name)}; rename it")
    if not present:
        raise BadInputError(
            f"{where} is no model: no file lies right below it; give the folder or URI of the "
            f"model itself, which holds {CONFIG}"
        )
    if CONFIG not in chosen:
        raise BadInputError(f"{where} is no model: it has no {CONFIG}")
    if not any(fnmatch(name, WEIGHTS) for name in chosen):
        raise BadInputError(f"{where} has no {WEIGHTS}, {_instead_of_weights(present, where)}")
    if TOKENIZER not in chosen:
        raise BadInputError(f"{where} has no {_instead_of_tokenizer(present, where)}")
    return chosen


def _is_imported(name: str) -> bool:
    if "\\" in name:
        return False
    plain = "/" not in name and any(fnmatch(name, one) for one in IMPORTED)
    return plain or is_named_chat_template(name)


def choose_weights(
    names: Iterable[str], index: Mapping[str, str] | None, where: str
) -> dict[str, str]:
    """Files of weights among `names` → the names under which they come out.

    `index` is the source's: tensor → file. Raises BadInputError where it is not clear which files
    make the model, or one is missing.
    """
    found = sorted(name for name in names if fnmatch(name, WEIGHTS))
    numbered = [name for name in found if _NUMBERED.fullmatch(name)]
    if index is not None:
        taken = sorted(set(index.values()))
        _check_listed(taken, found, where)
    else:
        taken = [SINGLE] if SINGLE in found else numbered
    if SINGLE in found and (taken != [SINGLE] or numbered):
        others = [name for name in (*taken, *numbered) if name != SINGLE]
        raise BadInputError(
            f"{where} has both {SINGLE} and other weights ({shown(others[0])}); readers would "
            "differ on which is the model: remove one"
        )
    if index is None and taken != [SINGLE]:
        _check_numbered(taken, found, where)
    return dict(zip(taken, shard_names(len(taken)), strict=True))


def _check_listed(listed_files: list[str], found: list[str], where: str) -> None:
    for file in listed_files:
        if fnmatch(file, WEIGHTS) and "/" not in file and "\\" not in file:
            fault = None if file in found else "is missing: the download is not complete"
        elif file.endswith(".safetensors"):
            fault = f"is not taken: shards lie beside it and are named {WEIGHTS}; rename it there"
        else:
            fault = f"is no .safetensors file; {_conversion(where)}"
        if fault:
            raise BadInputError(f"{where}/{INDEX} lists {shown(file)}, which {fault}")


def _check_numbered(taken: list[str], found: list[str], where: str) -> None:
    if not taken:
        raise BadInputError(
            f"{where} has neither {SINGLE} nor {INDEX}; which of {listed(found)} is the model? "
            f"Rename it to {SINGLE}"
        )
    number = int(taken[0].split("-of-")[1].split(".")[0])
    if taken != [f"model-{i:05d}-of-{number:05d}.safetensors" for i in range(1, len(taken) + 1)]:
        number = max(number, len(taken) + 1)
    if len(taken) != number:
        raise BadInputError(
            f"{where} has no {INDEX}, and {len(taken)} shards ({listed(taken)}) that are not "
            f"numbered 1 to {number}: the download is not complete"
        )


def _instead_of_weights(present: list[str], where: str) -> str:
    """What there is in place of weights, and the fix."""
    others = [name for name in present if name.endswith(".safetensors")]
    if any(name.startswith("adapter_") for name in others):
        return "but an adapter; merge it into its base (peft: merge_and_unload) and save that"
    if others:
        return (
            f"only {shown(others[0])}; if it holds transformers' tensors rename it to {SINGLE}, "
            "or else convert it"
        )
    for name in present:
        if any(fnmatch(name, one) for one in _CONVERTED):
            return f"only {shown(name)}; use the model that it was made from"
    pickles = [name for name in present if any(fnmatch(name, one) for one in PICKLES)]
    return f"only {shown(pickles[0])}; {_conversion(where)}" if pickles else "no weights"


def _conversion(where: str) -> str:
    """How pickled weights become safetensors. (Loading a pickle may run what is in it.)"""
    return (
        "convert it to safetensors, if you trust it: python -c 'import sys; from transformers "
        "import AutoModelForCausalLM as M; "
        'M.from_pretrained(sys.argv[1], dtype="auto").save_pretrained(sys.argv[1])'
        f"' {_folder(where)}"
    )


def _instead_of_tokenizer(present: list[str], where: str) -> str:
    """What there is in place of a tokenizer.json, and the fix."""
    others = [name for name in present if any(fnmatch(name, one) for one in _TOKENIZERS)]
    if not others:
        return f"tokenizer: expected {TOKENIZER}"
    return (
        f"{TOKENIZER}, only {shown(others[0])}; make it: pip install transformers sentencepiece "
        "protobuf tiktoken; python -c 'import sys; from transformers import AutoTokenizer as T; "
        f"T.from_pretrained(sys.argv[1]).save_pretrained(sys.argv[1])' {_folder(where)}"
    )


def _folder(where: str) -> str:
    """The source as a word of a command; what lies elsewhere is fetched first."""
    if "://" in where:
        return f"FOLDER (after copying {where} there)"
    if where.startswith(("/", ".")) or where.count("/") != 1 or is_folder(where):
        return shlex.quote(where)
    return f"FOLDER (after: hf download {where} --local-dir FOLDER)"
