"""Text of unknown origin in HTML and Markdown: one line of visible characters, and no markup."""

import re
from typing import Any

from markupsafe import Markup

from jobs.words import one_line


def visible(value: Any) -> Any:
    """Text as one line of visible characters, which HTML then escapes."""
    return value if isinstance(value, Markup) else one_line(_folded(value))


def markdown(value: Any) -> Any:
    """Text that Markdown shows as it is, and links to nothing; what `code` made is left alone."""
    if isinstance(value, Markup):
        return value
    text = re.sub(r"([\\`*_{}\[\]<>|#~&!$])", r"\\\1", one_line(_folded(value)))
    text = re.sub(r"(?i)(:)(?=//)|(?<=www)(\.)|(@)", r"\\\g<0>", text)  # else made into a link
    return re.sub(r"^([-+=](?![0-9])|[0-9]+(?=[.)](?: |$)))", _not_a_list, text)


def _not_a_list(mark: re.Match[str]) -> str:
    """What begins a line would begin a list or a heading."""
    return f"{mark[0]}\\" if mark[0][0].isdecimal() else f"\\{mark[0]}"


def code(value: object) -> Markup:
    """A Markdown code span, in which only backticks, bars and line breaks mean anything."""
    text = one_line(_folded(value)).replace("`", "'").replace("|", "¦") or " "
    return Markup(f"`{text}`")  # noqa: S704 (for Markdown alone; HTML escapes by itself)


def link(text: object, address: str | None) -> Markup:
    """A Markdown link, or the text where there is no address.

    The address must be one of ours (`jobs.report.pages.links`): quoted, so without brackets.
    """
    words = text if isinstance(text, Markup) else markdown(text)
    return Markup(f"[{words}]({address})" if address else words)  # noqa: S704 (Markdown alone)


def said(text: str, max_characters: int) -> str:
    """What a model or a prompt says, cut to its beginning, with its line breaks marked."""
    whole = re.sub(r"\s*\n\s*", " ⏎ ", text.strip())
    return whole if len(whole) <= max_characters else f"{whole[: max_characters - 1]}…"


def _folded(value: object) -> str:
    """With each blank or line break as one blank, but for blanks that hold a line together."""
    return re.sub(r"[^\S\u00a0]+", " ", str(value)).strip()
