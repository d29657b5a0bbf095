"""``--flag value`` pairs of a command line, by the flags that there are.

A flag is written whole: no abbreviation, no short form, each once (a list may be given in several).
"""

from collections.abc import Iterable, Mapping, Sequence

from jobs.errors import BadInputError
from jobs.words import invisible, nearest, nearest_of, shortened, shown

HELP = ("-h", "--help")


def parse_flags(arguments: Sequence[str], flags: Mapping[str, bool]) -> dict[str, list[str]]:
    """Flag (without ``--``) → the values given; `flags` says of each whether it takes a list.

    Raises BadInputError that names the argument and the fix.

    >>> parse_flags(["--epochs", "2", "--rows=/r"], {"epochs": False, "rows": False})
    {'epochs': ['2'], 'rows': ['/r']}
    """
    found: dict[str, list[str]] = {}
    left = list(arguments)
    while left:
        argument = left.pop(0)
        _refuse_odd(argument)
        flag, has_value, value = argument.partition("=")
        name = flag.removeprefix("--")
        if not flag.startswith("--") or name not in flags:
            raise BadInputError(_unknown(argument, flag, flags))
        if not has_value:
            if not left or left[0].startswith("--"):
                raise BadInputError(f"{flag} lacks its value; write {flag} VALUE")
            value = left.pop(0)
            _refuse_odd(value)
        if name in found and not flags[name]:
            raise BadInputError(f"{flag} is given twice: {shown(found[name][0])}, {shown(value)}")
        found.setdefault(name, []).append(value)
    return found


def _refuse_odd(argument: str) -> None:
    if odd := invisible(argument):
        raise BadInputError(f"{shown(argument)} has the character {odd!a}; leave it out")


def _unknown(argument: str, flag: str, flags: Iterable[str]) -> str:
    known = [f"--{name}" for name in flags]
    if flag.startswith("-"):
        begun = [name for name in known if len(flag) > len("--") and name.startswith(flag)]
        hint = f"did you mean {begun[0]}?" if len(begun) == 1 else nearest(flag, known)
        return f"unknown flag {shortened(flag)}; {hint}"
    near = nearest_of(f"--{flag}", known)
    hint = f"did you mean {near}?" if near else "each setting is given as --flag value"
    return f"{shown(argument)} belongs to no flag; {hint}"
