"""`make bench-kills`: each job of the demo's refresh killed over and over, on a folder and on S3.

python -m benchmarks.kills [--kills 12] [--jobs train,promote] [--stores folder,s3] [--seed 0]

A killed job is begun again until it ends with 0. Then its artifact must be whole and have the
digest that it has undisturbed, with nothing of dead attempts beside it; of promote there must be
one record, number 1. The exit code is 1 where anything was wrong.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.kills.draws import Way
from benchmarks.kills.fleet import JOBS, Place, copy, refreshed
from benchmarks.kills.rounds import Round, Subject, WrongError
from benchmarks.kills.s3_server import BUCKET, serve_s3

STORES = ("folder", "s3")
HEADINGS = (
    *("job", "store", "kills", "SIGTERM", "two writers", "left something", "wrong"),
    *("attempts a round", "undisturbed seconds"),
)


def main() -> int:
    """Kills, says how far it is on standard error, and prints one table at the end."""
    chosen = _arguments()
    os.environ |= {"CUDA_VISIBLE_DEVICES": "", "DS_ACCELERATOR": "cpu"}  # as the demo
    shown = Table(title=f"Killed jobs, seed {chosen.seed} (attempts and seconds: medians)")
    for heading in HEADINGS:
        shown.add_column(heading, justify="left" if heading in ("job", "store") else "right")
    num_wrong = 0
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kills-")))
        say("the demo's refresh, undisturbed …")
        places = stack.enter_context(refreshed(scratch))
        for store in chosen.stores:
            if store == "s3":
                os.environ |= stack.enter_context(serve_s3())
                copy(places[JOBS[0]].store, f"s3://{BUCKET}/store")
                places = {job: place.moved(f"s3://{BUCKET}/store") for job, place in places.items()}
            for job in chosen.jobs:
                seed = f"{chosen.seed} {job} {store}"
                row, wrong = _kill(places[job], scratch / "logs" / store, seed, chosen.kills)
                shown.add_row(job, store, *row)
                num_wrong += wrong
    Console(width=None if sys.stdout.isatty() else 120).print(shown)
    return 1 if num_wrong else 0


def _kill(place: Place, logs: Path, seed: str, number: int) -> tuple[list[str], int]:
    """One job on one store: its row of the table, and how many rounds were wrong."""
    try:
        subject = Subject(place, logs)
    except WrongError as error:
        say(f"WRONG (seed {seed}): {error}")
        return ["0", "0", "0", "0", "1", "", ""], 1
    rounds: list[Round] = []
    for one in subject.rounds(seed, number):
        rounds.append(one)
        done = sum(len(each.kills) for each in rounds)
        said = ", ".join(map(str, one.kills))
        say(f"{seed}: {done} of {number}: {said}: {one.attempts} attempts")
        if one.wrong:
            say(f"WRONG (seed {seed}, kill {done}: {said}): {one.wrong}")
    ways = [kill.way for one in rounds for kill in one.kills]
    wrong = sum(bool(one.wrong) for one in rounds)
    left = sum(one.num_left for one in rounds)
    counts = (len(ways), ways.count(Way.TERM), ways.count(Way.TWO), left, wrong)
    attempts = statistics.median(one.attempts for one in rounds)
    return [*map(str, counts), f"{attempts:g}", f"{subject.undisturbed.seconds:.1f}"], wrong


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", allow_abbrev=False)
    parser.add_argument(
        "--kills", type=int, default=12, help="of each job on each store; default: 12"
    )
    parser.add_argument("--jobs", type=_some_of(JOBS), default=JOBS, help="default: all")
    parser.add_argument("--stores", type=_some_of(STORES), default=STORES, help="default: both")
    parser.add_argument("--seed", default="0", help="the same one draws the same; default: 0")
    return parser.parse_args()


def _some_of(known: tuple[str, ...]) -> Callable[[str], list[str]]:
    """Parses names with commas between them."""

    def parse(text: str) -> list[str]:
        if unknown := sorted(set(text.split(",")) - set(known)):
            raise argparse.ArgumentTypeError(f"{unknown} are none of {', '.join(known)}")
        return text.split(",")

    return parse


def say(text: str) -> None:
    """A line of progress."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
