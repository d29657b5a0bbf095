"""`make demo`: one refresh of the demo fleet on this machine, on invented news.

python -m demo [--store URI] [--period 2026-10]
"""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from demo.children import Children
from demo.ending import comparison
from demo.family import is_made, make_family
from demo.server import serve
from jobs.errors import EXIT_BAD_INPUT, BadInputError, PerennialError, StoppedError
from jobs.store.prefix import Prefix
from jobs.words import one_line, shown
from pipelines import layout
from pipelines.output import ended_by_ctrl_c

HERE = Path(__file__).parent
FLEET = HERE / "fleet.yaml"
SAMPLE = HERE / "data" / "ccnews"
WORK = HERE.parent / ".demo"
PERIOD = "2026-10"
ONCE = """\
The demo's pico family of models is made first, once: about 3 minutes on two cores, then about 2 for
the refresh; 3 GB of memory, 0.1 GB on disk in {work}. Ctrl-C stops; the same command continues.
"""


class Parser(argparse.ArgumentParser):
    """Ends with one line and exit code 64, as every command of the project."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_BAD_INPUT, f"demo: {one_line(message)}; see: {self.prog} --help\n")


def main() -> int:
    """Makes the family if need be, then runs the refresh; the exit code is the refresh's."""
    try:
        with ended_by_ctrl_c():  # also while a store does not answer
            store = checked(sys.argv[1:])
        return _demo(store)
    except (PerennialError, StoppedError) as error:
        sys.stdout.flush()
        sys.stderr.write(f"demo: {error}\n")
        return error.exit_code


def checked(arguments: list[str]) -> str:
    """The store's URI, once all arguments are known to be good. Raises BadInputError."""
    parser = Parser(prog="python -m demo", description=__doc__, allow_abbrev=False)
    parser.add_argument("--store", default=str(WORK / "store"), help="URI of the store")
    parser.add_argument("--period", default=PERIOD, help=f"the month to refresh: {PERIOD}")
    options = parser.parse_args(arguments)
    if options.period != PERIOD:
        raise BadInputError(
            f"--period {shown(options.period)} is wrong: the sample's news to learn is of "
            f"{PERIOD}; leave it out"
        )
    store = Prefix(options.store)
    store.probe()
    return store.uri


def _demo(store: str) -> int:
    """Both parts. Raises StepFailedError, and StoppedError where it is told to stop."""
    children = Children()
    # The sample is made for two CPU processes; a GPU would have to be shared between them.
    os.environ |= {"CUDA_VISIBLE_DEVICES": "", "DS_ACCELERATOR": "cpu"}
    with children.listening(), serve(SAMPLE) as ccnews_server:
        if not is_made(WORK / "family"):
            say(ONCE.format(work=WORK))
            make_family(WORK / "family", ccnews_server, children)
        say(f"The refresh of {PERIOD}:\n")
        code = children.run(
            [
                *(str(Path(sys.executable).with_name("perennial")), "run", str(FLEET)),
                *("--period", PERIOD, "--store", store),
                *("--parameter", f"crawl-ccnews-server={ccnews_server}"),
            ],
            again=signal.SIGINT,
        )
    if not code:
        say(comparison(layout.report(layout.family_run(store, f"demo-{PERIOD}", "pico"))))
    return code


def say(text: str) -> None:
    """On standard output, at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
