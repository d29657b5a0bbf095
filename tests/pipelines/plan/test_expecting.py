"""What the plan expects reaches the report of each family, through the workflow that is run."""

import asyncio
import json
from pathlib import Path

from jobs.kinds.expected import Expected
from jobs.report.settings import ReportSettings
from pipelines.commands.parameters import WORKFLOW, run_parameters
from pipelines.fleet.reading import read_fleet
from pipelines.local.engine import Engine, Outcome, Runner, Step
from pipelines.local.reading import read_workflow
from pipelines.plan.expecting import expecting
from pipelines.plan.plan import make_plan
from pipelines.plan.planned import step_settings
from tests.pipelines.conftest import WriteFleet


class Reports(Runner):
    def __init__(self) -> None:
        self.expected: dict[str, Expected | None] = {}

    async def run(self, step: Step, attempt: int) -> Outcome:
        if step.job == "report":
            settings = step_settings(step)
            assert isinstance(settings, ReportSettings)
            self.expected[step.name] = Expected.from_text(settings.expected)
        return await super().run(step, attempt)


def test_each_report_is_told(write_fleet: WriteFleet, tmp_path: Path) -> None:
    fleet, workflow = read_fleet(write_fleet()), read_workflow(*WORKFLOW)
    parameters = run_parameters(fleet, "2026-10", str(tmp_path / "store"), None, ())
    plan = make_plan(fleet, workflow, parameters, processes=2)
    given = expecting(plan, parameters)
    assert {name for name in given if given[name] != parameters[name]} == {"families"}
    runner = Reports()
    asyncio.run(Engine(workflow, given, runner).run())
    assert runner.expected == {
        "family/pico/report": plan.expected("pico"), "family/nano/report": plan.expected("nano"),
    }  # fmt: skip
    nano = plan.expected("nano")
    assert nano.jobs["ingest"].bytes == 32 * 10**9
    assert nano.jobs["train"].seconds is None  # all articles of a choice of publishers
    assert json.loads(plan.expected("pico").to_text())["jobs"]["train"] == {}


def test_without_a_plan_nothing_is_told(write_fleet: WriteFleet, tmp_path: Path) -> None:
    fleet, workflow = read_fleet(write_fleet()), read_workflow(*WORKFLOW)
    parameters = run_parameters(fleet, "2026-10", str(tmp_path / "store"), None, ())
    runner = Reports()
    asyncio.run(Engine(workflow, parameters, runner).run())
    assert set(runner.expected.values()) == {None}
