"""``perennial verify``: is all that a store holds what its records say?"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Annotated

import typer

from jobs.errors import EXIT_BAD_INPUT, BadInputError
from jobs.numbers import num_bytes
from jobs.store.prefix import Prefix
from pipelines.commands.arguments import say


def verify(
    store: Annotated[
        str, typer.Argument(metavar="STORE", help="The store: s3://bucket/prefix, …, or a folder.")
    ],
    deep: Annotated[
        bool,
        typer.Option("--deep", metavar="", help="Read every file and compare its digest, too."),
    ] = False,
) -> None:
    """Check a store's files, manifests, lineage and release records; a line for each finding.

    Wrong is what its record does not say: a file that is missing, of another size or (--deep)
    digest, a manifest or release that cannot be read, an input that changed since, a current
    release whose model is not there. Only said is what may be meant: gone (an input that was
    deleted since), outside (in another store), unfinished (left by an attempt that did not end),
    other. Exit code: 0, or 64 where anything is wrong.
    """
    from pipelines.verify.verify import verify as verify_store

    prefix = Prefix(store)
    if prefix.folder is not None and not prefix.folder.is_dir():
        raise BadInputError(f"{prefix.uri}: there is no such folder")
    with _shown_on_a_terminal() as watch:
        verified = verify_store(prefix, deep=deep, watch=watch)
    for finding in verified.findings:
        say(f"{finding.kind:<10}  {finding.where}: {finding.what}")
    how = "every digest compared" if deep else "digests not compared (--deep)"
    say(
        f"{_number(verified.num_artifacts, 'artifact')}, {_number(verified.num_files, 'file')}, "
        f"{num_bytes(verified.num_bytes)}, releases of {_number(verified.num_models, 'model')}; "
        f"{how}: {verified.num_wrong or 'nothing'} wrong"
    )
    if verified.num_wrong:
        raise typer.Exit(EXIT_BAD_INPUT)


def _number(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


@contextlib.contextmanager
def _shown_on_a_terminal() -> Iterator[Callable[[int, int], None]]:
    """Is told of the bytes that were read since, and of all; a bar, gone at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    console = Console(stderr=True)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeLeft())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("", total=None)
        yield lambda count, total: progress.update(task, advance=count, total=total)
