"""What would make a run fail and can be known before it begins: all of it at once.

`perennial plan`, `perennial run` and its ``--dry-run`` ask the same `CHECKS`. A check is a function
of what is known (`pipelines.plan.intent.Known`); it reads no weights and contacts nobody but in the
few seconds that it says. What is not known is told, and never refused.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from jobs.errors import BadInputError, BadInputsError, TransientError
from pipelines import layout
from pipelines.local.engine import Step
from pipelines.plan.crawling import check_crawling
from pipelines.plan.disk import check_disk
from pipelines.plan.fitting import check_fit
from pipelines.plan.given import check_given
from pipelines.plan.intent import Check, Finding, Intent, Known
from pipelines.plan.mirror import Mirror, know_mirror
from pipelines.plan.models import FleetModel, ModelFacts, fleet_models, know_models
from pipelines.plan.plan import Plan
from pipelines.plan.replaying import check_replay
from pipelines.plan.room import check_room
from pipelines.plan.sources import check_same, check_sources
from pipelines.plan.store_look import look_at_store


def check_conflicts(known: Known) -> Iterator[Finding]:
    """Artifacts that were made with other settings, at which their jobs would refuse."""
    alike: dict[tuple[str, str], list[Step]] = {}
    for planned in known.plan.steps if known.plan else ():
        if planned.conflict:
            alike.setdefault((planned.step.job, planned.conflict), []).append(planned.step)
    for (_, why), steps in alike.items():
        way_out = layout.way_out(known.intent.parameters["store"], steps[0].inputs["out"])
        more = f" and {len(steps) - 1} more" if len(steps) > 1 else ""
        yield Finding("", f"{steps[0].name}{more} would refuse: {why}; {way_out}")


CHECKS: tuple[Check, ...] = (
    check_crawling,
    check_sources,
    check_same,
    check_fit,
    check_replay,
    check_room,
    check_conflicts,
    check_disk,
)
"""In the order in which their findings are told."""


@dataclass(frozen=True)
class Preflight:
    """The plan, if one could be made, and what was found."""

    plan: Plan | None
    findings: tuple[Finding, ...]
    store_failed: TransientError | None = None
    """Why the store could not be asked, in which case what it holds is not known."""

    @property
    def notes(self) -> list[str]:
        """What is not known, and why."""
        return [str(finding) for finding in self.findings if not finding.is_problem]

    def refuse(self) -> None:
        """Raises BadInputsError for all problems; TransientError where only the store failed."""
        problems = [str(finding) for finding in self.findings if finding.is_problem]
        if problems:
            raise BadInputsError(problems + ([str(self.store_failed)] if self.store_failed else []))
        if self.store_failed:
            raise self.store_failed


Models = Mapping[FleetModel, ModelFacts]


def preflight(
    intent: Intent, make: Callable[[Models, Mirror], Plan | None], say: Callable[[str], object]
) -> Preflight:
    """`make` makes the plan by what is known of models and mirror; `say` is told of waits for the
    store.

    Raises nothing.
    """
    findings, store_failed, plan = [*intent.wrong, *check_given(intent)], None, None
    store = None if intent.is_wrong("store") else intent.parameters["store"]
    if store:
        try:
            look_at_store(store, say)
        except BadInputError as error:
            findings.append(Finding(intent.flag("store"), str(error)))
            store = None
        except TransientError as error:
            store_failed = error
    models: Models = {}
    is_told = any(finding.where == "-p bundle-from" for finding in findings)
    with ThreadPoolExecutor(1) as beside:
        source = "" if is_told else intent.parameters["bundle-from"]
        mirror = beside.submit(know_mirror, source)
        if store_failed is None:
            try:
                models = know_models(fleet_models(intent.fleet), store)
                plan = None if findings else make(models, mirror.result())
            except BadInputError as error:
                findings.append(Finding("", str(error)))
            except TransientError as error:
                store_failed = error
    known = Known(intent, models, plan, mirror.result())
    for check in CHECKS:
        findings += check(known)
    return Preflight(plan, tuple(findings), store_failed)
