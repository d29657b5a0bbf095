"""Which files of a model are imported, and whether they are all there. Pure."""

from collections.abc import Iterable
from fnmatch import fnmatch

from jobs.errors import BadInputError
from jobs.kinds.model import CONFIG, GENERATION, INDEX, PICKLES, TOKENIZER_FILES, VOCABULARY_FILES
from jobs.words import shown

IMPORTED = (CONFIG, GENERATION, INDEX, "model*.safetensors", "LICENSE*", *TOKENIZER_FILES)


def choose(names: Iterable[str], where: str) -> list[str]:
    """The files to import, sorted: weights, settings and tokenizer; never code or pickles.

    What lies in subfolders is left out. Raises BadInputError where the config, the weights or
    the tokenizer is missing.
    """
    present = sorted(name for name in names if "/" not in name and "\\" not in name)
    chosen = [name for name in present if any(fnmatch(name, one) for one in IMPORTED)]
    for name in chosen:
        if not name.isprintable():
            raise BadInputError(f"{where} has a file named {shown(name)}; rename it")
    if CONFIG not in chosen:
        raise BadInputError(f"{where} is no model: it has no {CONFIG}")
    if not any(name.endswith(".safetensors") for name in chosen):
        pickles = [name for name in present if any(fnmatch(name, one) for one in PICKLES)]
        why = f"only {shown(pickles[0])}; convert it to safetensors" if pickles else "no weights"
        raise BadInputError(f"{where} has no model*.safetensors, {why}")
    if not any(name in chosen for name in VOCABULARY_FILES):
        raise BadInputError(f"{where} has no tokenizer; expected one of {VOCABULARY_FILES}")
    return chosen
