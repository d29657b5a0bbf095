"""`make bench-merge`: the merge beside its peers and the floors, all in one run.

python -m benchmarks.merge [--rounds 5] [--quick] [--only folder|s3|memory|arithmetic]

Folder store: the merge, mergekit and a plain loop; the floors are `cat` (three inputs to nowhere,
one output) and the digests alone. S3 over loopback: the merge; the floor is the same bytes by
plain requests. Memory: the merge of a model and of one four times as large. Arithmetic: its inner
loops on one core, by type. The models, the outputs and mergekit's environment lie in .bench.
"""

import argparse

from rich.console import Console

from benchmarks.merge import arithmetic, parts, tables

PARTS = ("arithmetic", "folder", "s3", "memory")
TABLE_WIDTH = 120
ARITHMETIC_ROUNDS = 31
FULL, QUICK = ("1.1B", "4.4B"), ("0.1B", "0.5B")


def main() -> None:
    """Measures what is asked for and prints it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.merge", allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds; default: 5")
    parser.add_argument("--quick", action="store_true", help="small models, to try it out")
    parser.add_argument("--only", choices=PARTS, help="default: all parts")
    arguments = parser.parse_args()
    size, larger = QUICK if arguments.quick else FULL
    wanted = [arguments.only] if arguments.only else PARTS
    console = _console()
    if "arithmetic" in wanted:
        console.print(arithmetic.table(ARITHMETIC_ROUNDS))
    measured = {}
    if "folder" in wanted:
        measured["folder store"] = parts.folder(size, arguments.rounds)
    if "s3" in wanted:
        measured["S3 over loopback"] = parts.s3(size, arguments.rounds)
    if measured:
        console.print(tables.speed(measured, size, arguments.rounds))
        for line in tables.profiles(measured):
            console.print(line)
    if "memory" in wanted:
        console.print(tables.memory(parts.memory((size, larger))))


def _console() -> Console:
    """As wide as the terminal; in a file as wide as the table."""
    console = Console()
    return console if console.is_terminal else Console(width=TABLE_WIDTH, soft_wrap=True)


if __name__ == "__main__":
    main()
