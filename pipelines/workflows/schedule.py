"""The refresh on a schedule: early each month, for the month before."""

from hera.workflows import CronWorkflow, Parameter
from hera.workflows import models as argo

from pipelines.workflows.period import PREVIOUS_MONTH
from pipelines.workflows.refresh import NAME

DAY_OF_MONTH = 9  # articles of the last day may be captured a week later (crawl.capture_days_after)
HOURS_LATE = 12


def schedule() -> CronWorkflow:
    """Begins the refresh; a tick missed by less than half a day is made up for.

    The chart puts the refresh itself in place of its template's name.
    """
    return CronWorkflow(
        name=NAME,
        schedules=[f"0 6 {DAY_OF_MONTH} * *"],
        timezone="Etc/UTC",
        concurrency_policy="Forbid",
        starting_deadline_seconds=HOURS_LATE * 3600,
        cron_suspend=True,
        arguments=[Parameter(name="period", value="{{=" + PREVIOUS_MONTH + "}}")],
        workflow_template_ref=argo.WorkflowTemplateRef(name=NAME),
    )
