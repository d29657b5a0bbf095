"""How a command is called, in a user's words: its help."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.models import OptionInfo

from pipelines.commands.calling import CheckedCommand

EXIT_CODES = (
    "Exit codes: 0 done; 64 bad input, the same command fails again; 75 trouble that may pass, "
    "try again; 129, 130, 141 or 143 stopped, the same command continues."
)
EXAMPLES = {
    "plan": "fleets/news.yaml --period 2026-10 --store s3://bucket/perennial",
    "run": "fleets/news.yaml --period 2026-10 --store s3://bucket/perennial",
    "status": "news-2026-10",
    "logs": "family/qwen2.5-1.5b/train --follow",
    "parameters": "fleets/news.yaml > values.yaml",
    "suite": "fleets/suites/geography.yaml",
    "releases": "--store s3://bucket/perennial",
    "export": "s3://bucket/perennial/runs/news-2026-10/qwen/candidates/qwen-instruct ./qwen",
    "verify": "s3://bucket/perennial --deep",
    "reproduce": "news-2026-10 --store s3://bucket/perennial",
    "render": "--check",
}


class _Command(CheckedCommand):
    """Arguments as a user writes them: FLEET, neither {FLEET} nor with a type of Python's."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        told: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                name, said = record
                is_argument = parameter.param_type_name == "argument"
                name = name.partition(" ")[0] if is_argument else name
                told["Arguments" if is_argument else "Options"].append((name, said))
        for title, records in told.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def register(app: typer.Typer, command: Callable[..., Any]) -> None:
    """Makes a function a command: its required options stand in the usage, an example below."""
    name = command.__name__
    example = EXAMPLES.get(name)
    parts = [f"Example: perennial {name} {example}"] if example else []
    doc = (command.__doc__ or "").split("\n\n")[0]
    app.command(
        cls=_Command,
        short_help=" ".join(doc.replace("``", "").split()),
        options_metavar=" ".join([*_required(command), "[OPTION …]"]),
        epilog="\n\n".join([*parts, EXIT_CODES]),
    )(command)


def _required(command: Callable[..., Any]) -> list[str]:
    """``--period 2026-10`` for each option that has no default."""
    hints = get_type_hints(command, include_extras=True)
    found = []
    for name, parameter in inspect.signature(command).parameters.items():
        hint = hints[name]
        if parameter.default is not parameter.empty or get_origin(hint) is not Annotated:
            continue
        options = (info for info in get_args(hint)[1:] if isinstance(info, OptionInfo))
        found += [f"--{name.replace('_', '-')} {one.metavar or name.upper()}" for one in options]
    return found
