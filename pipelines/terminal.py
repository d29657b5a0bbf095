"""The terminal, on which texts from records and logs are never markup nor control characters."""

from rich.console import Console
from rich.text import Text

from jobs.words import one_line

TABLE_WIDTH = 160  # where no terminal says how wide it is


def plain_console() -> Console:
    """The terminal, or, where there is none, lines wide enough for any table."""
    console = Console(markup=False, emoji=False)
    if console.is_terminal:
        return console
    return Console(width=TABLE_WIDTH, soft_wrap=True, markup=False, emoji=False)


def cells(*texts: str) -> tuple[Text, ...]:
    """The cells of a table's row."""
    return tuple(Text(one_line(text)) for text in texts)
