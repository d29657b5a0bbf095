"""Texts as a stranger may write them into a name, a title, a record or a server's answer."""

import re

ESCAPE = "\x1b[2J\x1b[1;1Hgone"
FORGED = "x\n2026-11-25T06:40:35Z INFO promote: released model=evil number=1"
MARKUP = "[/oops][link=https://evil.example]x[/link] :warning:"

HOSTILE = {
    "escape sequence": ESCAPE,
    "forged line": FORGED,
    "forged line by CR": "x\r2026-11-25T06:40:35Z INFO promote: released",
    "rich markup": MARKUP,
    "C1 control": "x\x9b2J\x85INFO y",
    "link of a terminal": "\x1b]8;;https://evil.example\x1b\\\\x\x1b]8;;\x07",
    "title of a window": "\x1b]0;owned\x07",
    "other direction": "x\u202etxt.exe\u2066y\u2069",
    "zero width": "ad\u200bmin\u2060\ufeff",
    "separators": "x\u2028INFO y\u2029z\x0b\x0c\x1c\x1d",
    "NUL and backspaces": "x\x00\x08\x08\x7f",
    "blank letter": "x\u3164\u115f",
    "tag characters": "x\U000e0041\U000e0042",
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": '" onload="alert(1)" x=\'',
    "javascript link": "[x](javascript:alert(1)) <javascript:alert(1)>",
    "Markdown": "# x | `y` ![i](https://evil.example/i.png) **b** $z$ ~~s~~",
    "bare links": "https://evil.example www.evil.example me@evil.example",
    "entities": "&lt;script&gt;&#x202e;",
    "a list": "- x\n1. y\n===\n> z",
    "format strings": "%s %(x)s {0} {x} {{ 7*7 }} {% raw %}",
    "credentials": "https://me:hunter2@host.example/?X-Amz-Signature=c0ffee",
}
READABLE = "Ελλάδα 北京\u3000新闻 Ärzte עברית"
"""Letters that stay as they are."""

_UNSEEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u034f\u115f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufeff\ud800-\udfff\U000e0000-\U000e0fff]"
)


def unseen(text: str) -> list[str]:
    """Characters, other than the line break, that would move a cursor or not be seen."""
    return _UNSEEN.findall(text)
