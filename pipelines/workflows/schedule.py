"""The refresh on a schedule: early each month, for the month before."""

from hera.workflows import CronWorkflow, Parameter
from hera.workflows import models as argo

from pipelines.workflows.refresh import NAME

DAY_OF_MONTH = 9  # articles of the last day may be captured a week later (crawl.capture_days_after)
HOURS_LATE = 12

# So many days before the tick as its day of the month is the last day of the month before.
PREVIOUS_MONTH = (
    "{{=let tick = sprig.toDate('2006-01-02T15:04:05Z07:00', workflow.scheduledTime); "
    "sprig.date('2006-01', "
    "sprig.dateModify('-' + string(24 * asInt(sprig.date('2', tick))) + 'h', tick))}}"
)


def schedule() -> CronWorkflow:
    """Submits the refresh template; a tick missed by less than half a day is made up for."""
    return CronWorkflow(
        name=NAME,
        schedules=[f"0 6 {DAY_OF_MONTH} * *"],
        timezone="Etc/UTC",
        concurrency_policy="Forbid",
        starting_deadline_seconds=HOURS_LATE * 3600,
        cron_suspend=True,
        arguments=[Parameter(name="period", value=PREVIOUS_MONTH)],
        workflow_template_ref=argo.WorkflowTemplateRef(name=NAME),
    )
