"""``perennial releases`` and ``export``: what a store holds."""

from pathlib import Path
from typing import Annotated

import typer

from jobs.artifacts.reading import Artifact
from jobs.artifacts.releases import read_releases
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix
from jobs.store.uri import local_folder
from jobs.words import nearest, shown
from pipelines import layout
from pipelines.commands.arguments import Store, say


def releases(
    store: Store,
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="Only this model; default: all.")
    ] = None,
) -> None:
    """List the release records: the highest number of a model is current.

    Where a person released it without a GO, or again, the next line says why.
    """
    from rich.table import Table

    from pipelines.terminal import cells, plain_console

    prefix = Prefix(store)
    if prefix.folder is not None and not prefix.folder.is_dir():
        raise BadInputError(f"--store {prefix.uri}: there is no such folder")
    found = read_releases(Prefix(layout.releases(prefix.uri)))
    if model is not None and model not in found:
        known = nearest(model, sorted(found)) if found else "there are no releases yet"
        raise BadInputError(f"no release of {shown(model)}; {known}")
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "number", "decision", "created", "candidate"):
        table.add_column(heading, overflow="fold")
    for name in [model] if model else sorted(found):
        for record in reversed(found[name]):
            created = record.created.strftime("%Y-%m-%d %H:%MZ")
            decision = record.decision + (" (overridden)" if record.override else "")
            table.add_row(*cells(name, str(record.number), decision, created, record.candidate.uri))
            if record.override:
                table.add_row(*cells("", "", "", "", f"why: {record.override}"))
    plain_console().print(table if found else "no releases yet")


def export(
    artifact: Annotated[str, typer.Argument(metavar="ARTIFACT", help="Its URI, e.g. a model's.")],
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder that is not there yet.")
    ],
) -> None:
    """Copy an artifact's files to a folder, each verified: a model that others load as it lies.

    The folder appears when it is whole; the same command continues one that was stopped.
    """
    from jobs.artifacts.exporting import export as export_artifact

    export_artifact(Artifact.open(artifact), local_folder(folder), say)
    say(f"exported to {folder}")
