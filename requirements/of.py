"""The part of the locks that one job needs, for its image: `python requirements/of.py merge`.

A package is needed if pyproject.toml asks for it, or if a needed package does (the locks'
``via`` comments say which). Hashes come along, so that pip can check them.
"""

import re
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
LOCKS = ("all.lock", "torch-cuda.lock")


def main(job: str) -> None:
    """Prints the lock of a job's extra."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"][job]]
    needed = {re.match(r"[\w.-]+", text)[0].lower() for text in wanted}  # type: ignore[index]
    text = "".join((HERE / name).read_text() for name in LOCKS)
    blocks = {
        block.split("==")[0].split("[")[0]: block
        for block in re.split(r"(?m)^(?=[a-z#])", text)
        if "==" in block
    }
    while more := {n for n, b in blocks.items() if n not in needed and _via(b) & needed}:
        needed |= more
    sys.stdout.write("".join(blocks[name] for name in sorted(needed)))


def _via(block: str) -> set[str]:
    """Who asks for a package."""
    lines = block.partition("# via")[2].splitlines()
    return {line.strip(" #").split("[")[0] for line in lines}


if __name__ == "__main__":
    main(sys.argv[1])
