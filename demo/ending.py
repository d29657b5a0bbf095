"""What the demo shows at its end: why the news go into the base, not into the instruct model."""

from typing import Any

from jobs.artifacts.reading import Artifact
from jobs.kinds.report import REPORT

ROWS = (
    ("instruct", "the instruct model as it was"),
    ("s1", "S1: it was itself trained on the news"),
    ("pico-instruct", "the refreshed base + (instruct − base)"),
)


def comparison(report: str) -> str:
    """A table of a few lines, from the report at this URI."""
    models = Artifact.open(report, "report").read_json(REPORT)["models"]
    found = {model["name"]: model for model in models}
    lines = [
        "",
        f"Why not train the instruct model on the news?{'':3} follows instructions   bits per byte",
        f"{'':48} (points, 100 best)      of news",
        *(_line(title, found[name]) for name, title in ROWS),
        "",
        "Training it costs it what it was tuned for. Perennial trains the base and adds the tuning",
        "again, by arithmetic: the news is learned, and instructions are followed as before.",
        "",
    ]
    return "\n".join(lines)


def _line(title: str, model: dict[str, Any]) -> str:
    followed = model["averages"]["instruction"]["value"]
    return f"  {title:<46} {followed:19.1f} {model['bits_per_byte']:12.2f}"
