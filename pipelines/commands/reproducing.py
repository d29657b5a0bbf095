"""``perennial reproduce``: are a run's artifacts what its settings and inputs make?"""

import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.errors import EXIT_BAD_INPUT, BadInputError
from jobs.store.prefix import Prefix
from pipelines.commands.arguments import Parameters, Store, say
from pipelines.output import ended_by_ctrl_c

if TYPE_CHECKING:
    from pipelines.reproduce.reproduce import Reproduced


def reproduce(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's name, e.g. news-2026-10.")],
    store: Store,
    steps: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STEP",
            help="Only these: a job (train), or a path in the run or store (pico/cpt).",
        ),
    ] = None,
    parameter: Parameters = None,
    scratch: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER", help="Folder for what is made again, as large as the run's artifacts."
        ),
    ] = Path(".perennial/reproduced"),
    parallel: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes at a time; default: one a core."),
    ] = None,
) -> None:
    """Make a run's artifacts again on this machine, and compare their digests with the recorded.

    Settings and inputs are those of the manifests; -p sets what only says how it is made, such as
    crawl-ccnews-server or train-processes. Crawls, and models and data from the hub, are fetched
    again only where a STEP names them. What is identical is deleted again; what differs stays, with
    its log. Exit code: 0 where all that was made is identical; 64 where one differs, or none was
    made; else that of the first step that failed.
    """
    from pipelines.reproduce.commands import read_given
    from pipelines.reproduce.reproduce import reproduce as make_again

    prefix = Prefix(store)
    if prefix.folder is not None and not prefix.folder.is_dir():
        raise BadInputError(f"--store {prefix.uri}: there is no such folder")
    given = read_given(parameter or ())
    with ended_by_ctrl_c():  # again, where the run has put back Python's own way
        made = make_again(prefix, run, steps or (), given, scratch, parallel)
    code = _tell(made)
    if code:
        raise typer.Exit(code)


def _tell(made: "Reproduced") -> int:
    """Prints each result and their sum, deletes what is identical; returns the exit code."""
    for result in made.results:
        say(f"{result.verdict:<9}  {result.path}" + (f": {result.why}" if result.why else ""))
        if result.verdict == "identical":
            shutil.rmtree(made.folder / "store" / result.path, ignore_errors=True)
    count = Counter(str(result.verdict) for result in made.results)
    number = len(made.results) - count["skipped"]
    others = "".join(
        f", {count[verdict]} {verdict if count[verdict] == 1 else said}"
        for verdict, said in (("differs", "differ"), ("failed", "failed"), ("skipped", "skipped"))
        if count[verdict]
    )
    is_well = number == count["identical"]
    say(f"{count['identical']} of {number} identical{others}")
    if is_well:
        shutil.rmtree(made.folder, ignore_errors=True)
    else:
        say(f"what was made, and its logs: {made.folder}")
    return made.exit_code or (0 if is_well and number else EXIT_BAD_INPUT)
