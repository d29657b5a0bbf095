"""Looks for known advisories of all that the locks hold: ``audit.py PIP-AUDIT [FLAG…]``.

Ends with 0 where there is none, 1 where there are (a table says which), 75 where no source of
advisories answered for every package: then it is not known.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ("osv", "pypi")


def main() -> int:
    """The exit code."""
    locks = sorted(ROOT.glob("requirements/*.lock"))  # an image's lock is a part of all.lock
    locks.remove(ROOT / "requirements/torch-cpu.lock")  # the torch of all.lock, built otherwise
    audit = [*sys.argv[1:], "--strict", "--disable-pip", "--require-hashes"]
    audit += ["--progress-spinner=off", *(f"--requirement={lock}" for lock in locks)]
    said = "no answer"
    for source in SOURCES:
        done = subprocess.run(
            [*audit, f"--vulnerability-service={source}"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            print(f"No known advisories ({source})")
            return 0
        if done.stdout:  # the table; what it could not look up, it says on the other stream alone
            print(done.stdout, end="")
            return 1
        said = (done.stderr.strip().splitlines() or [said])[-1]
    print(f"Advisories: not checked; no source of them answers from here ({said})", file=sys.stderr)
    return 75


if __name__ == "__main__":
    sys.exit(main())
