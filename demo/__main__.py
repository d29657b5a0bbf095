"""`make demo`: one refresh of the demo fleet on this machine, on invented news.

python -m demo [--store URI] [--period 2026-10]
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from demo.family import make_family
from demo.server import serve

HERE = Path(__file__).parent
FLEET = HERE / "fleet.yaml"
SAMPLE = HERE / "data" / "ccnews"
WORK = HERE.parent / ".demo"


def main() -> int:
    """Makes the family if need be, then runs the refresh; the exit code is the refresh's."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__, allow_abbrev=False)
    parser.add_argument("--store", default=str(WORK / "store"), help="URI of the store")
    parser.add_argument("--period", default="2026-10", help="the month to refresh")
    options = parser.parse_args()
    # The sample is made for two CPU processes; a GPU would have to be shared between them.
    os.environ |= {"CUDA_VISIBLE_DEVICES": "", "DS_ACCELERATOR": "cpu"}
    with serve(SAMPLE) as ccnews_server:
        sys.stdout.write(f"The demo's family of models ({WORK / 'family'}), made once:\n")
        try:
            make_family(WORK / "family", ccnews_server)
        except subprocess.CalledProcessError as error:
            log = WORK / "family" / "log.txt"
            sys.stderr.write(f"{Path(error.cmd[2]).name} failed; the end of {log} says:\n")
            sys.stderr.write("\n".join(log.read_text().splitlines()[-5:]) + "\n")
            return error.returncode
        except KeyboardInterrupt:
            sys.stderr.write("\nstopped; the same command continues\n")
            return 130
        sys.stdout.write(f"\nThe refresh of {options.period}:\n")
        sys.stdout.flush()
        refresh = [
            *(str(Path(sys.executable).with_name("perennial")), "run", str(FLEET)),
            *("--period", options.period, "--store", options.store),
            *("--parameter", f"crawl-ccnews-server={ccnews_server}"),
        ]
        return _run(refresh)


def _run(command: list[str]) -> int:
    """The exit code of `command`, which is left to end by itself on Ctrl-C."""
    with subprocess.Popen(command) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


if __name__ == "__main__":
    sys.exit(main())
