"""NLTK's English sentence model (``punkt_tab``), which IFEval counts sentences with.

It is looked for in the mirror given, then among NLTK's data on this machine: the image of this job
and `make setup` bring it (requirements/sentence_model.py). Nothing is downloaded.
"""

from pathlib import Path

from jobs.errors import BadInputError
from jobs.suites.sealed import SENTENCE_MODEL, SENTENCE_MODEL_FILES


def read_sentence_model(folder: str | None) -> tuple[dict[str, bytes], str]:
    """File name → content, and where the model was found. Raises BadInputError."""
    if folder is not None and (found := Path(folder) / "nltk_data" / SENTENCE_MODEL).is_dir():
        return _read_folder(found), "folder"
    if (installed := _find_installed()) is not None:
        return _read_folder(installed), "installed NLTK data"
    raise BadInputError(
        "NLTK's sentence model punkt_tab is not installed; put it there (make setup, or "
        f"python -m nltk.downloader punkt_tab), or below --from, in nltk_data/{SENTENCE_MODEL}"
    )


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
