"""The structure, held: which module may import which. Read from the code's own imports."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

SOURCES = [*(ROOT / "src/jobs").rglob("*.py"), *(ROOT / "pipelines").rglob("*.py")]
JOBS = {path.parent.name for path in (ROOT / "src/jobs").glob("*/__main__.py")}
FILES_OF_A_JOB = {"__init__.py", "__main__.py", "settings.py", "work.py"}

# Of what jobs share, each floor imports floors below it (and, within a floor, its own package).
FLOORS = (
    {"jobs.errors", "jobs.numbers", "jobs.words"},
    {"jobs.strict_json", "jobs.libraries", "jobs.stopping"},
    {"jobs.hub", "jobs.validation", "jobs.unknown"},
    {"jobs.records", "jobs.plain_yaml"},
    {"jobs.store"},
    {"jobs.artifacts"},
    {"jobs.kinds"},
    {"jobs.command", "jobs.fit", "jobs.suites"},
    {"jobs.__main__"},
)
HEAVY = {
    "torch",
    "transformers",
    "deepspeed",
    "lm_eval",
    "datasets",
    "numpy",
    "pyarrow",
    "numba",
    "matplotlib",
}


def module_of(path: Path) -> str:
    top = ROOT / "src" if path.is_relative_to(ROOT / "src") else ROOT
    parts = path.relative_to(top).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, *, at_once: bool = False) -> Iterator[str]:
    """The modules that a file imports; `at_once` leaves out imports within functions."""
    tree = ast.parse(path.read_text())
    for node in tree.body if at_once else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if _is_module(inner) else str(node.module)


def _is_module(name: str) -> bool:
    path = (ROOT / "src" if name.startswith("jobs") else ROOT) / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


def arrows() -> dict[str, set[str]]:
    """Module → the modules of ours that it imports."""
    return {
        module_of(path): {
            name for name in imports(path) if name.split(".")[0] in ("jobs", "pipelines")
        }
        for path in SOURCES
    }


def job_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "jobs" and len(parts) > 1 and parts[1] in JOBS else None


def floor_of(module: str) -> int | None:
    shared = ".".join(module.split(".")[:2])
    return next((number for number, floor in enumerate(FLOORS) if shared in floor), None)


def test_a_job_imports_shared_nouns_and_never_another_job() -> None:
    found = [
        (module, other)
        for module, others in arrows().items()
        for other in others
        if job_of(other) and job_of(other) != job_of(module) and module.startswith("jobs.")
    ]
    assert found == []


def test_nothing_in_src_imports_pipelines() -> None:
    found = [(m, o) for m, others in arrows().items() for o in others if o.startswith("pipelines")]
    assert [pair for pair in found if pair[0].startswith("jobs")] == []


def test_pipelines_import_settings_of_jobs_and_shared_nouns() -> None:
    found = [
        (module, other)
        for module, others in arrows().items()
        for other in others
        if module.startswith("pipelines") and job_of(other) and not other.endswith(".settings")
    ]
    assert found == []


def test_what_jobs_share_stands_on_lower_floors() -> None:
    found = []
    for module, others in arrows().items():
        floor = floor_of(module)
        package = module.split(".")[:2]
        for other in others:
            if floor is not None and other.split(".")[:2] != package:
                below = floor_of(other)
                if below is None or below >= floor:
                    found.append((module, other))
    assert found == []


def test_every_module_of_src_is_a_job_or_on_a_floor() -> None:
    names = {module for module in arrows() if module.startswith("jobs.")}
    assert [name for name in names if not job_of(name) and floor_of(name) is None] == []


def test_no_circles() -> None:
    graph = {m: {o for o in others if o != m} for m, others in arrows().items()}
    while leaves := [name for name, others in graph.items() if not others & graph.keys()]:
        for name in leaves:
            del graph[name]
    assert graph == {}


@pytest.mark.parametrize("job", sorted(JOBS))
def test_each_job_has_the_same_three_files(job: str) -> None:
    folder = ROOT / "src/jobs" / job
    assert {path.name for path in folder.glob("*.py")} >= FILES_OF_A_JOB


def reached(start: str) -> set[str]:
    """What importing a module imports at once, of ours and of others."""
    files = {module_of(path): path for path in SOURCES}
    found, waiting = set[str](), [start]
    while waiting:
        name = waiting.pop()
        for other in imports(files[name], at_once=True) if name in files else ():
            parts = other.split(".")
            for known in (".".join(parts[:end]) for end in range(1, len(parts) + 1)):
                if known not in found:
                    found.add(known)
                    waiting.append(known)
    return found


@pytest.mark.parametrize("job", sorted(JOBS))
def test_settings_are_light_to_import(job: str) -> None:
    """`pipelines` reads all of them, and a repeated job ends before anything heavy is there."""
    assert {name.split(".")[0] for name in reached(f"jobs.{job}.settings")} & HEAVY == set()


def test_perennial_is_light_to_import() -> None:
    assert {name.split(".")[0] for name in reached("pipelines.cli")} & {*HEAVY, "hera"} == set()
