"""NLTK's English sentence model (``punkt_tab``), which IFEval counts sentences with.

It is looked for in the mirror given, then among NLTK's data on this machine: the image of this job
and `make setup` bring it (requirements/sentence_model.py). Nothing is downloaded.
"""

from pathlib import Path

from jobs.errors import BadInputError
from jobs.store.prefix import Prefix
from jobs.suites.sealed import SENTENCE_MODEL, SENTENCE_MODEL_FILES


def read_sentence_model(mirror: Prefix | None) -> tuple[dict[str, bytes], str]:
    """File name → content, and where the model was found. Raises BadInputError."""
    if mirror is not None and (found := _in_mirror(mirror)):
        return found, "mirror"
    if (installed := _find_installed()) is not None:
        return _read_folder(installed), "installed NLTK data"
    raise BadInputError(
        "NLTK's sentence model punkt_tab is not installed; put it there (make setup, or "
        f"python -m nltk.downloader punkt_tab), or below --from, in nltk_data/{SENTENCE_MODEL}"
    )


def _in_mirror(mirror: Prefix) -> dict[str, bytes] | None:
    """None where it has none. One that lacks a file is refused."""
    place = f"nltk_data/{SENTENCE_MODEL}"
    there = {path.rpartition("/")[2] for path in mirror.inside(place)[0]}
    if not there:
        return None
    if missing := [name for name in SENTENCE_MODEL_FILES if name not in there]:
        raise BadInputError(
            f"the sentence model in {mirror.uri}/{place} lacks {', '.join(missing)}"
        )
    return {name: mirror.read(f"{place}/{name}") for name in SENTENCE_MODEL_FILES}


def _read_folder(folder: Path) -> dict[str, bytes]:
    missing = [name for name in SENTENCE_MODEL_FILES if not (folder / name).is_file()]
    if missing:
        raise BadInputError(f"the sentence model in {folder} lacks {', '.join(missing)}")
    return {name: (folder / name).read_bytes() for name in SENTENCE_MODEL_FILES}


def _find_installed() -> Path | None:
    import nltk

    try:
        return Path(str(nltk.data.find(f"{SENTENCE_MODEL}/")))
    except LookupError:
        return None
