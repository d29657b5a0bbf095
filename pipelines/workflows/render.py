"""Writes what is generated: the chart's workflow files, the fleet file's JSON Schema and page."""

import json
from importlib.metadata import version
from pathlib import Path

from pipelines.fleet.page import page
from pipelines.fleet.reading import fleet_schema, read_fleet

ROOT = Path(__file__).parents[2]
HEADER = "# Made by `perennial render` from pipelines/workflows/{source}; edit that, not this.\n"
DEFAULT_FLEET = "fleets/news.yaml"


def rendered() -> dict[str, str]:
    """Path below the repository → text of each generated file."""
    from pipelines.workflows.family import family  # Hera takes most of a second to import
    from pipelines.workflows.refresh import refresh
    from pipelines.workflows.schedule import schedule

    fleet = read_fleet(ROOT / DEFAULT_FLEET)
    return {
        "charts/perennial/files/refresh.yaml": HEADER.format(source="refresh.py")
        + refresh(fleet, version("perennial")).to_yaml(),
        "charts/perennial/files/family.yaml": HEADER.format(source="family.py")
        + family().to_yaml(),
        "charts/perennial/files/schedule.yaml": HEADER.format(source="schedule.py")
        + schedule().to_yaml(),
        "docs/fleet.md": page(),
        "fleets/fleet.schema.json": json.dumps(fleet_schema(), indent=2, ensure_ascii=False) + "\n",
    }


def stale(root: Path = ROOT) -> list[str]:
    """Generated files that are not as they would be made now."""
    return [path for path, text in rendered().items() if _read(root / path) != text]


def write(root: Path = ROOT) -> list[str]:
    """Writes the files that changed, and returns their paths."""
    changed = stale(root)
    for path, text in rendered().items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return changed


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
