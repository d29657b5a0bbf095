"""What a step must leave behind, and what ends it."""

import yaml

from pipelines.local.folder import RunFolder
from pipelines.local.reading import read_workflow
from pipelines.local.run import run_workflow
from tests.pipelines.local.conftest import Small, Task, statuses
from tests.pipelines.local.test_retries import retry


def test_a_missing_output_is_an_error(small: Small, task: Task) -> None:
    silent = {**small.say(), "name": "silent"}
    silent["container"] = {
        "command": ["python", "-c", "pass"],
        "env": [{"name": "PERENNIAL_OUTPUTS", "value": "/tmp/outputs"}],
    }
    ran = small.run([task("silent", "x", template="silent")], silent)
    assert ran.exit_code == 1
    assert statuses(ran) == {"silent": "Error"}
    assert "did not write its output 'loud'" in small.shown()


def test_an_output_of_the_attempt_before_does_not_count(small: Small, task: Task) -> None:
    small.run([task("say", "one")])
    path = small.write([task("say", "one")])
    document = yaml.safe_load(path.read_text())
    document["spec"]["templates"][-1]["container"]["args"] = ["pass"]
    path.write_text(yaml.safe_dump(document))
    ran = run_workflow(read_workflow(path), {}, RunFolder(small.folder / "work"), 2, small.console)
    assert statuses(ran) == {"say": "Error"}


def test_a_program_that_is_not_there(small: Small, task: Task) -> None:
    """As of a pod: it would not be there the next time either."""
    missing = {"name": "x", "container": {"command": ["no-such"]}, "retryStrategy": retry()}
    ran = small.run([task("x", template="x")], missing)
    assert [(s.status, s.attempts, s.exit_code) for s in ran.steps] == [("Failed", 1, 64)]


def test_deadline(small: Small, task: Task) -> None:
    slow = small.python("slow", "import time; time.sleep(60)", activeDeadlineSeconds=1)
    ran = small.run([task("slow", template="slow")], slow)
    assert ran.exit_code == 143
    assert "took longer than 1 s" in small.shown()
