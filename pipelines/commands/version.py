"""``perennial --version``: what a report of a fault should say, in one line."""

import importlib.metadata
import json
import platform
import subprocess
from pathlib import Path

import typer

from pipelines.commands.arguments import say

CHECKOUT = Path(__file__).parents[2]
DIGITS = 12
"""Of a commit that are shown."""


def print_version(wanted: bool) -> None:
    """Prints the line and ends, where it is wanted."""
    if wanted:
        say(version_line())
        raise typer.Exit


def version_line() -> str:
    """Version, commit where it is known, Python, and platform."""
    commit = _commit()
    return (
        f"perennial {importlib.metadata.version('perennial')}{f' ({commit})' if commit else ''} · "
        f"Python {platform.python_version()} · {platform.platform()}"
    )


def _commit() -> str:
    """That of the checkout that runs, or that pip installed; "" where neither is known."""
    if (CHECKOUT / ".git").exists():
        command = ["git", "-C", str(CHECKOUT), "describe", "--always", "--dirty", "--exclude=*"]
        try:
            told = subprocess.run(
                [*command, f"--abbrev={DIGITS}"], capture_output=True, text=True, timeout=5,
                check=True,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError):  # no git, or a checkout of somebody else's
            return ""
        return told.stdout.strip()
    url = importlib.metadata.distribution("perennial").read_text("direct_url.json") or "{}"
    return str(json.loads(url).get("vcs_info", {}).get("commit_id", ""))[:DIGITS]
