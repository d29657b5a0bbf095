"""``perennial plan``, ``run`` and ``parameters``: what a fleet file is for."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.artifacts.manifest import find_manifest
from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError, BadInputsError
from jobs.kinds.promises import Decided
from jobs.plain_yaml import YamlSource
from jobs.store.failures import OF_A_PERSON
from jobs.store.prefix import Prefix
from pipelines import layout
from pipelines.commands.arguments import (
    WORK,
    FleetFile,
    Parameters,
    Period,
    RunName,
    Store,
    Work,
    say,
    this_command,
)
from pipelines.commands.parameters import WORKFLOW, by_name, run_parameters, settable
from pipelines.fleet.reading import fleet_of, read_fleet
from pipelines.local.reading import read_workflow
from pipelines.output import ended_by_ctrl_c

if TYPE_CHECKING:
    from pipelines.plan.intent import Intent
    from pipelines.plan.preflight import Preflight


def plan(
    fleet_file: FleetFile,
    period: Period,
    store: Store,
    run_name: RunName = None,
    parameter: Parameters = None,
    steps: Annotated[bool, typer.Option("--steps", metavar="", help="List each step.")] = False,
    assumptions: Annotated[
        bool,
        typer.Option("--assumptions", metavar="", help="List what the figures assume, and why."),
    ] = False,
    gpus: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="GPUs at a time; default: all that steps ask for."),
    ] = None,
) -> None:
    """Show what a refresh would do, what it costs, and all for which it would fail.

    Nothing is fetched: models are known by the store, folders, the hub's metadata or their names.
    """
    intent = intended(fleet_file, period, store, run_name, parameter or ())
    found = checked(intent, gpus=gpus)
    print_plan(intent, found, each_step=steps, all_assumptions=assumptions)


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
    work: Work = WORK,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", metavar="", help="List each step and its state, and stop.")
    ] = False,
) -> None:
    """Run a refresh on this machine: the rendered workflow, as processes.

    What is in the store already is not made again, so the same command continues a run that
    failed or was stopped. Exit code: 0; that of the first step that failed; 143 or 130 after
    SIGTERM or Ctrl-C; 75 where this run is running already. See also perennial status and logs.
    """
    from pipelines.local.folder import run_folder
    from pipelines.local.run import run_workflow
    from pipelines.plan.expecting import expecting

    intent = intended(fleet_file, period, store, run_name, parameter or ())
    found = checked(intent, processes=parallel or os.cpu_count())
    if dry_run:
        print_plan(intent, found, each_step=True)
        return
    say_notes(found)
    found.refuse()
    parameters, name = intent.parameters, intent.parameters["run"]
    Prefix(parameters["store"], OF_A_PERSON).probe()
    if found.plan:
        parameters = expecting(found.plan, parameters)
    with ended_by_ctrl_c():  # again, where the run has put back Python's own way
        folder = run_folder(work, name, parameters["store"])
        ran = run_workflow(intent.workflow, parameters, folder, parallel, command=this_command())
    if ran.exit_code:
        raise typer.Exit(ran.exit_code)
    for family in intent.fleet.families:
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


def intended(
    fleet_file: Path, period: str, store: str, run_name: str | None, given: Sequence[str]
) -> "Intent":
    """What a command line means. Raises BadInputError for a wrong fleet file, with all that is
    wrong with the command line besides.
    """
    from pipelines.plan.flags import check_flags
    from pipelines.plan.intent import Intent

    named = by_name(given)
    settings = {"period": period, "store": store, "run": run_name or "", **settable(named)}
    wrong = tuple(check_flags(named, settings["period"], settings["store"], settings["run"]))
    try:
        source = YamlSource.look(fleet_file)
        fleet = fleet_of(source)
    except BadInputError as error:
        if not wrong:
            raise
        raise BadInputsError([*map(str, wrong), *error.lines]) from error
    parameters = run_parameters(fleet, period, store, run_name, given)
    return Intent(source, fleet, read_workflow(*WORKFLOW), parameters, settable(named), wrong)


def checked(
    intent: "Intent", *, processes: int | None = None, gpus: int | None = None
) -> "Preflight":
    """All that can be known before the run begins, and the plan.

    `processes` are those of this machine, or else pods of a cluster; `gpus` all that steps ask for.
    """
    from pipelines.plan.plan import make_plan
    from pipelines.plan.preflight import preflight

    return preflight(
        intent,
        lambda models, mirror: make_plan(
            intent.fleet,
            intent.workflow,
            intent.parameters,
            models=models,
            mirror=mirror,
            processes=processes,
            gpus=gpus,
        ),
        lambda text: say(text, err=True),
    )


def print_plan(
    intent: "Intent",
    found: "Preflight",
    *,
    each_step: bool,
    all_assumptions: bool = False,
) -> None:
    """The plan of a run with these parameters. Raises what the run would fail with."""
    from pipelines.plan.view import show_plan
    from pipelines.terminal import plain_console

    parameters = intent.parameters
    what = f"fleet {intent.fleet.name} · period {parameters['period']} · run {parameters['run']}"
    say(f"{what} · store {parameters['store']}")
    if found.plan:
        typer.echo()
        console = plain_console()
        show_plan(found.plan, console, each_step=each_step, all_assumptions=all_assumptions)
    say_notes(found)
    found.refuse()


def say_notes(found: "Preflight") -> None:
    """What is not known of the run, a line each."""
    for note in found.notes:
        say(note)
