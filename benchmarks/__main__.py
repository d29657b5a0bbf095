"""`make bench`: prints every performance figure as tables.

python -m benchmarks [engine] [start] [demo]
"""

import argparse

from rich.console import Console

from benchmarks import demo, engine, start

TABLES = {"engine": engine.table, "start": start.table, "demo": demo.table}


def main() -> None:
    """Measures what is named; default: everything."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("names", nargs="*", choices=[*TABLES, []], help="default: all")
    console = Console()
    for name in parser.parse_args().names or TABLES:
        console.print(TABLES[name]())


if __name__ == "__main__":
    main()
