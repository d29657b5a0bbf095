"""docs/fleet.md has a row for every key that the schema has, with what it means."""

import re

import pytest

from pipelines.fleet.page import page
from pipelines.fleet.places import fleet_schema
from pipelines.fleet.sections import JOBS

PARTS = {
    "The file": fleet_schema(),
    "A family": fleet_schema()["$defs"]["Family"],
    "A model": fleet_schema()["$defs"]["Model"],
    "A derived model": fleet_schema()["$defs"]["Derived"],
    "A sibling": fleet_schema()["$defs"]["Sibling"],
    "Placement": fleet_schema()["$defs"]["Placement"],
    "Prices": fleet_schema()["$defs"]["Prices"],
} | {name: node for name, node in fleet_schema()["$defs"].items() if name in JOBS}


def rows(title: str) -> dict[str, list[str]]:
    """Key → its other cells, of the table below a heading."""
    (part,) = re.findall(rf"^##+ {title}\n(.*?)(?=^#|\Z)", page(), re.MULTILINE | re.DOTALL)
    cells = (row.strip("| ").split(" | ") for row in part.splitlines() if row.startswith("| `"))
    return {key.strip("`"): others for key, *others in cells if "`, `" not in key}


@pytest.mark.parametrize("title", PARTS)
def test_every_key(title: str) -> None:
    told, node = rows(title), PARTS[title]
    assert list(told) == [key for key in node["properties"] if key not in JOBS]
    for key, (value, meaning, default) in told.items():
        assert value, key
        assert meaning, key
        assert (default == "required") is (key in node.get("required", ())), key


def test_all_parts_of_the_schema_are_told() -> None:
    inner = {"Family", "Model", "Derived", "Sibling", "Placement", "Prices"}
    assert set(fleet_schema()["$defs"]) - inner <= set(JOBS)


@pytest.mark.parametrize(
    ("title", "key", "row"),
    [
        ("train", "epochs", ["whole number, at least 1, at most 1000", None, "`1`"]),
        ("merge", "vocabulary", ["`refuse` or `extend`", None, "`refuse`"]),
        ("crawl", "publishers", ["`[us, uk]`", None, "`all`"]),
        ("pack", "token_budget", ["`100M`", None, "all there are"]),
        ("Placement", "gpu_memory", ["`80GiB`, at least 1GiB, at most 16TiB", None, "`80GiB`"]),
        ("Placement", "train_cpu", ["a quantity such as 500m, 8 or 256Gi", None, "`32`"]),
        ("A family", "derived", ["list of [a derived model](#a-derived-model)", None, "none"]),
        ("A family", "release", [None, "Name of the main candidate and its releases.",
                                 "&lt;family>-instruct"]),
        ("The file", "suite", ["text", None, "required"]),
    ],
)  # fmt: skip
def test_rows(title: str, key: str, row: list[str | None]) -> None:
    found = rows(title)[key]
    assert [cell if want else None for cell, want in zip(found, row, strict=True)] == row
