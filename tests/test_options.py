"""No option may be abbreviated: ``--stor x`` is an error, wherever a command line is read."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

FOLDERS = ("benchmarks", "demo", "images", "pipelines", "requirements", "src")


def parsers(file: Path) -> list[ast.Call]:
    """Where a file makes a parser of argparse."""
    return [
        node
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("ArgumentParser")
    ]


def test_no_parser_takes_abbreviations() -> None:
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")]
    made = [(file, call) for file in files for call in parsers(file)]
    assert made
    assert [
        file
        for file, call in made
        if "allow_abbrev=False" not in [ast.unparse(word) for word in call.keywords]
    ] == []


@pytest.mark.parametrize(
    ("module", "arguments", "says"),
    [
        ("jobs.crawl", ["--peri", "2026-10"], "unknown flag --peri; did you mean --period?"),
        ("jobs.train", ["--epoch=3"], "unknown flag --epoch; did you mean --epochs?"),
        ("jobs.promote", ["--cand", "/x"], "unknown flag --cand; "),
        (
            "pipelines.cli",
            ["plan", "x.yaml", "--stor", "s"],
            "plan has no option --stor; did you mean --store?",
        ),
        (
            "pipelines.cli",
            ["run", "x.yaml", "--dry"],
            "run has no option --dry; did you mean --dry-run?",
        ),
        ("demo", ["--stor", "s"], "--stor"),
        ("benchmarks", ["--hel"], "--hel"),
    ],
)
def test_abbreviations_are_refused(module: str, arguments: list[str], says: str) -> None:
    main = "from pipelines.cli import main; main()"
    command = ["-c", main] if module == "pipelines.cli" else ["-m", module]
    done = subprocess.run(
        [sys.executable, *command, *arguments], cwd=ROOT, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode in (2, 64), done.stderr
    assert says in done.stderr
