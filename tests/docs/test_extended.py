"""The changes that a page shows are made where the file has what they say, and nowhere else."""

from pathlib import Path

import pytest

from tests.docs.extended import changed, diffs, whole_files

TEXT = "a\nb\nc\nb\nxa\n"


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        (" a\n-b\n+x\n", "a\nx\nc\nb\nxa\n"),
        (" a\n+x\n@@\n-c\n", "a\nx\nb\nb\nxa\n"),
        ("+x\n+\n a\n", "x\n\na\nb\nc\nb\nxa\n"),
    ],
)
def test_changes_are_made(changes: str, after: str) -> None:
    assert changed(TEXT, changes, "file") == after


@pytest.mark.parametrize("changes", ["-b\n+x\n", " b\n-a\n", " d\n+x\n", "*a\n"])
def test_what_the_file_has_not_once_is_refused(changes: str) -> None:
    with pytest.raises(AssertionError, match="file"):
        changed(TEXT, changes, "file")


def test_blocks_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A page\n\n`src/a.py`\n\n```python\na = 1\n```\n\nSee `src/b.py`:\n\n```python\nb = 2\n"
        "```\n\n`src/c.py`\n\n```python\n```\n\n```diff\n--- d.toml\n a\n+b\n```\n"
    )
    assert list(whole_files(page)) == [("src/a.py", "a = 1\n"), ("src/c.py", "")]
    assert list(diffs(page)) == [("d.toml", " a\n+b\n")]
