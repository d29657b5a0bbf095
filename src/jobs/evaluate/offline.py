"""Shuts the network off for the libraries that would use it; called before they are imported."""

import os
from pathlib import Path

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.suites.sealed import SEAL_AGAIN, SENTENCE_MODEL, SENTENCE_MODEL_FILES

MAX_SENTENCE_MODEL_BYTES = 2**24
"""Of each of its files; English's largest has 236,303."""


def go_offline(scratch: Path) -> None:
    """The libraries take nothing from the network, keep caches in `scratch`, and draw no bars."""
    os.environ.update(
        HF_HUB_OFFLINE="1",
        HF_DATASETS_OFFLINE="1",
        TRANSFORMERS_OFFLINE="1",
        HF_DATASETS_CACHE=str(scratch / "datasets"),
        HF_DATASETS_DISABLE_PROGRESS_BARS="1",
        HF_HUB_DISABLE_PROGRESS_BARS="1",
        TQDM_DISABLE="1",
    )


def unpack_sentence_model(bundle: Artifact, scratch: Path) -> None:
    """Puts the sealed sentence model where NLTK looks first.

    Without it, lm-eval's ``ifeval`` would try to download one. Raises BadInputError.
    """
    for name in SENTENCE_MODEL_FILES:
        path = f"nltk_data/{SENTENCE_MODEL}/{name}"
        if path not in bundle:
            raise BadInputError(f"bundle {bundle.uri} lacks {path}; {SEAL_AGAIN}")
        if bundle.size(path) > MAX_SENTENCE_MODEL_BYTES:
            raise BadInputError(
                f"{bundle.uri}/{path} has more than {MAX_SENTENCE_MODEL_BYTES} bytes; {SEAL_AGAIN}"
            )
        local = scratch / path
        local.parent.mkdir(parents=True, exist_ok=True)
        local.write_bytes(bundle.read(path))
    os.environ["NLTK_DATA"] = str(scratch / "nltk_data")
