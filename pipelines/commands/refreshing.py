"""``perennial plan``, ``run`` and ``parameters``: what a fleet file is for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from jobs.artifacts.manifest import find_manifest
from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.promises import Decided
from jobs.store.prefix import Prefix
from pipelines import layout
from pipelines.commands.arguments import FleetFile, Parameters, Period, RunName, Store, say
from pipelines.commands.parameters import WORKFLOW, run_parameters
from pipelines.fleet.model import Fleet
from pipelines.fleet.reading import read_fleet
from pipelines.local.workflow import read_workflow
from pipelines.output import ended_by_ctrl_c


def plan(
    fleet_file: FleetFile,
    period: Period,
    store: Store,
    run_name: RunName = None,
    parameter: Parameters = None,
    steps: Annotated[bool, typer.Option("--steps", metavar="", help="List each step.")] = False,
) -> None:
    """Show what a refresh would do: its steps, what is there already, tokens, FLOPs, GPU-hours."""
    fleet = read_fleet(fleet_file)
    parameters = run_parameters(fleet, period, store, run_name, parameter or ())
    print_plan(fleet, parameters, each_step=steps)


def run(
    fleet_file: FleetFile,
    period: Period,
    store: Store,
    run_name: RunName = None,
    parameter: Parameters = None,
    parallel: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes at a time; default: one a core."),
    ] = None,
    work: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="Folder for logs and scratch, one below it a run."),
    ] = Path(".perennial"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="List each step and its state, and stop.")
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


def parameters(fleet_file: FleetFile) -> None:
    """Print the fleet as values of the chart, for ``helm upgrade --install … -f``."""
    import yaml

    values = {"parameters": read_fleet(fleet_file, for_cluster=True).parameters()}
    typer.echo(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), nl=False)


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
