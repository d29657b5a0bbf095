"""A command line that is no call of a command: what is wrong with it, in a user's words.

Typer has words of its own for each, not one of which says what to write instead.
"""

import difflib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import typer
from pydantic import ValidationError
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from jobs.errors import BadInputError
from jobs.validation import expectation
from jobs.words import joined, listed, nearest, shown

MOST_NEAR = 3


class CheckedCommand(TyperCommand):
    """Raises BadInputError for what it cannot be called with."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = list(args)
        if told := _swallowed(self.get_params(ctx), given):
            raise BadInputError(told)
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            raise BadInputError(_wrong(self, ctx, given, error)) from error


class CheckedGroup(TyperGroup):
    """The same of what comes before a command's name, and of the name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except TyperException as error:
            raise BadInputError(_wrong(self, ctx, given, error)) from error

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if self.get_command(ctx, args[0]) is None:
            near = nearest(args[0], self.list_commands(ctx), _see(ctx))
            raise BadInputError(f"there is no command {shown(args[0])}; {near}")
        return super().resolve_command(ctx, args)


def _see(ctx: Any) -> str:
    return f"see {ctx.command_path} --help"


def _wrong(command: Any, ctx: Any, given: list[str], error: TyperException) -> str:
    parameters = command.get_params(ctx)
    option = getattr(error, "option_name", None)
    if option is not None:
        return _wrong_option(ctx, parameters, given, option)
    cause = error.__cause__
    if isinstance(cause, ValidationError) and isinstance(error, typer.BadParameter):
        problem = cause.errors()[0]
        name = error.param.opts[0] if error.param else ""
        return f"{name} {shown(problem['input'])} is wrong: {expectation(problem)}"
    values, left, _ = command.make_parser(ctx).parse_args(list(given))
    if lacks := [one for one in parameters if one.required and not _is_given(one, values)]:
        return f"{ctx.info_name} needs {joined([_written(one) for one in lacks])}; {_see(ctx)}"
    if left:
        takes = joined([*(_written(one) for one in parameters if _is_argument(one)), "options"])
        return f"{ctx.info_name} takes no more than {takes}; left over: {listed(left)}"
    return f"{error.format_message()} {_see(ctx)}"


def _wrong_option(ctx: Any, parameters: Sequence[Any], given: list[str], option: str) -> str:
    """One that there is not, that lacks its value, or that has one and takes none."""
    by_name = {name: one for one in parameters for name in (*one.opts, *one.secondary_opts)}
    if found := by_name.get(option):
        if found.is_flag:
            return f"{option} takes no value; write {option} alone"
        return f"{option} lacks its value; write {option} {found.metavar}"
    word = next((one for one in given if one.startswith(option)), option).partition("=")[0]
    names = [name for name in by_name if name.startswith("--")]
    meant = f"--{word.strip('-').lower()}"
    near = [meant] if meant in names else difflib.get_close_matches(meant, names, MOST_NEAR, 0.7)
    fix = f"did you mean {' or '.join(near)}?" if near else _see(ctx)
    return f"{ctx.info_name} has no option {shown(word)[1:-1]}; {fix}"


def _swallowed(parameters: Sequence[Any], given: list[str]) -> str:
    """An option that would take the next one for its value, or ""."""
    names = {
        name: one
        for one in parameters
        if not _is_argument(one)
        for name in (*one.opts, *one.secondary_opts)
    }
    for word, after in pairwise(given):
        one = names.get(word)
        if one and not one.is_flag and after.partition("=")[0] in names:
            return f"{word} lacks its value; write {word} {one.metavar}"
    return ""


def _is_given(parameter: Any, values: Mapping[str, Any]) -> bool:
    value = values.get(parameter.name)
    return bool(value) if _is_argument(parameter) else parameter.name in values


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _written(parameter: Any) -> str:
    if _is_argument(parameter):
        return str(parameter.metavar)
    return f"{parameter.opts[0]} {parameter.metavar}"
