"""``perennial``: plan, run, parameters, releases, export, render."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from jobs.artifacts.manifest import find_manifest
from jobs.artifacts.reading import Artifact
from jobs.artifacts.releases import read_releases
from jobs.command.streams import open_standard_streams
from jobs.errors import EXIT_BAD_INPUT, BadInputError, PerennialError
from jobs.kinds.promises import Decided
from jobs.store.prefix import Prefix
from jobs.store.uri import normal_uri
from jobs.words import nearest, one_line, shown
from pipelines import layout
from pipelines.fleet.model import NAME, PERIOD, Fleet
from pipelines.fleet.reading import read_fleet
from pipelines.fleet.texts import why_unfit
from pipelines.local.workflow import read_workflow
from pipelines.output import ended_by_ctrl_c, patient_output

FLEETS_OWN = ("fleet", "suite", "families")
"""Parameters that ``-p`` may not set: the plan and the report of a run read them from the fleet."""

EXIT_SIGNAL = 128
"""An exit code above it says that a signal came."""
LAST_SECONDS = 2.0
"""What one that was told to stop waits for its last words to be read."""

MAX_RUN = 100
"""Characters of a run's name."""

ROOT = Path(__file__).parent.parent
WORKFLOW = ROOT / "charts/perennial/files/refresh.yaml"

app = typer.Typer(
    name="perennial",
    help="Keeps fleets of instruction-tuned language models current with the news.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

FleetFile = Annotated[
    Path, typer.Argument(metavar="FLEET", help="The fleet file, e.g. fleets/news.yaml.")
]
Period = Annotated[str, typer.Option(help="The month to refresh, as 2026-10.")]
Store = Annotated[
    str, typer.Option(help="The store: s3://bucket/prefix, gs://…, az://…, or a folder.")
]
RunName = Annotated[
    str | None, typer.Option("--run", help="Name of the run; default: <fleet>-<period>.")
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter", "-p", metavar="NAME=VALUE", help="Sets a parameter of the workflow."
    ),
]


@app.command()
def plan(
    fleet_file: FleetFile,
    period: Period,
    store: Store,
    run_name: RunName = None,
    parameter: Parameters = None,
    steps: Annotated[bool, typer.Option("--steps", help="List each step.")] = False,
) -> None:
    """Show what a refresh would do: its steps, what is there already, tokens, FLOPs, GPU-hours."""
    fleet = read_fleet(fleet_file)
    parameters = run_parameters(fleet, period, store, run_name, parameter or ())
    print_plan(fleet, parameters, each_step=steps)


@app.command()
def run(
    fleet_file: FleetFile,
    period: Period,
    store: Store,
    run_name: RunName = None,
    parameter: Parameters = None,
    parallel: Annotated[
        int | None, typer.Option(min=1, help="Processes at a time; default: one a core.")
    ] = None,
    work: Annotated[
        Path, typer.Option(help="Folder for logs and scratch; below it, one folder a run.")
    ] = Path(".perennial"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List each step and its state, and stop.")
    ] = False,
) -> None:
    """Run a refresh on this machine: the rendered workflow, as processes.

    What is in the store already is not made again, so the same command continues a run that
    failed or was stopped. Exit code: 0, or that of the first step that failed.
    """
    from pipelines.local.run import run_workflow

    fleet = read_fleet(fleet_file)
    parameters = run_parameters(fleet, period, store, run_name, parameter or ())
    if dry_run:
        print_plan(fleet, parameters, each_step=True)
        return
    name = parameters["run"]
    with ended_by_ctrl_c():  # again, where the run has put back Python's own way
        ran = run_workflow(read_workflow(WORKFLOW), parameters, work / name, parallel)
    if ran.exit_code:
        say(f"run {name} did not end well; logs: {work / name / 'logs'}", err=True)
        raise typer.Exit(ran.exit_code)
    for family in fleet.families:
        uri = layout.report(layout.family_run(parameters["store"], name, family.name))
        if find_manifest(Prefix(uri)) is None:
            say(f"{family.name}: no report at {uri}")
            continue
        report = Artifact.open(uri, "report")
        decision = Decided.told(report.statistics, uri).decision
        say(f"{family.name}: {decision} · {report.place.uri}/report.html")


@app.command()
def parameters(fleet_file: FleetFile) -> None:
    """Print the fleet as values of the chart, for ``helm upgrade --install … -f``."""
    import yaml

    values = {"parameters": read_fleet(fleet_file, for_cluster=True).parameters()}
    typer.echo(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), nl=False)


@app.command()
def releases(
    store: Store,
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="Only this model; default: all.")
    ] = None,
) -> None:
    """List the release records: the highest number of a model is current."""
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
    plain_console().print(table if found else "no releases yet")


@app.command()
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

    export_artifact(Artifact.open(artifact), folder, say)
    say(f"exported to {folder}")


@app.command()
def render(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if a file is out of date.")
    ] = False,
) -> None:
    """Write the workflows of the chart and the JSON Schema of the fleet file."""
    from pipelines.workflows import render as rendering

    changed = rendering.stale() if check else rendering.write()
    for path in changed:
        say(f"{'out of date' if check else 'written'}: {path}")
    if check and changed:
        raise BadInputError("rendered files are out of date; run: perennial render")


def run_parameters(
    fleet: Fleet, period: str, store: str, run_name: str | None, given: Sequence[str]
) -> dict[str, str]:
    """The workflow's parameters for one run; those given with ``-p`` win."""
    parameters = fleet.parameters()
    parameters |= {"period": period, "store": store}
    parameters["run"] = run_name or f"{fleet.name}-{period}"
    for text in given:
        key, separator, value = text.partition("=")
        if not separator:
            raise BadInputError(f"--parameter {shown(text)} is wrong: expected NAME=VALUE")
        if key in FLEETS_OWN:
            raise BadInputError(f"--parameter {shown(text)} is wrong: set it in the fleet file")
        if why := why_unfit(value):
            raise BadInputError(f"--parameter {shown(text)} is wrong: it {why}")
        parameters[key] = value
    parameters["store"] = normal_uri(parameters["store"])
    if not re.fullmatch(PERIOD, parameters["period"]):
        raise BadInputError(
            f"--period {shown(parameters['period'])} is wrong: expected a month such as 2026-10"
        )
    run = parameters["run"]
    if len(run) > MAX_RUN or not re.fullmatch(NAME, run):
        raise BadInputError(
            f"--run {shown(run)} is wrong: expected a name of at most {MAX_RUN} small letters, "
            "digits, dots and dashes"
        )
    return parameters


def print_plan(fleet: Fleet, parameters: Mapping[str, str], *, each_step: bool) -> None:
    """The plan of a run with these parameters."""
    from pipelines.plan.plan import make_plan
    from pipelines.plan.view import show_plan
    from pipelines.terminal import soft_console

    what = f"fleet {fleet.name} · period {parameters['period']} · run {parameters['run']}"
    say(f"{what} · store {parameters['store']}")
    typer.echo()
    made = make_plan(fleet, read_workflow(WORKFLOW), parameters)
    show_plan(made, soft_console(), each_step=each_step)
    if conflicts := [planned for planned in made.steps if planned.conflict]:
        step, why = conflicts[0].step, conflicts[0].conflict
        of_run = step.inputs["out"].startswith(f"{layout.runs(parameters['store'])}/")
        other = "another --run or --store" if of_run else "another --store"
        raise BadInputError(
            f"{step.name} would refuse: {why}; choose {other}, or delete what is there"
        )


def say(text: str, *, err: bool = False) -> None:
    """One line, whatever the names, values and errors in it hold."""
    typer.echo(one_line(text), err=err)


def main() -> NoReturn:
    """The command; bad input ends with one line and 64."""
    open_standard_streams()
    with ended_by_ctrl_c(), patient_output() as output:
        code = _exit_code(lambda: app(standalone_mode=False))
        if output:
            seconds = LAST_SECONDS if code > EXIT_SIGNAL else None
            unwritten = _exit_code(lambda: output.finish(seconds))
            code = code or unwritten
    sys.exit(code)


def _exit_code(command: Callable[[], int | None]) -> int:
    """That of a command; what is wrong is said in one line."""
    try:
        return command() or 0
    except PerennialError as error:
        say(f"perennial: {error}", err=True)
        return error.exit_code
    except TyperException as error:
        if error.format_message():  # else the help was printed
            say(f"perennial: {error.format_message()}", err=True)
        return EXIT_BAD_INPUT
