"""Writes the report: its data, the pages drawn from it, and a model card a candidate."""

import logging

from jobs.command.running import Job, Statistics
from jobs.kinds.expected import Expected
from jobs.kinds.report import REPORT
from jobs.report.compose import compose
from jobs.report.evidence.collect import read_run
from jobs.report.gate import Tolerance
from jobs.report.pages.render import render
from jobs.report.settings import ReportSettings

log = logging.getLogger("report")


def write_report(job: Job[ReportSettings]) -> Statistics:
    """Reads the run, lets the gate decide, and writes. Raises BadInputError."""
    run = read_run(job.settings.run, job.inputs)
    tolerance = Tolerance(job.settings.max_loss_of_ability, job.settings.max_chance_of_loss)
    report = compose(run, tolerance, Expected.from_text(job.settings.expected))
    job.out.write(REPORT, report.model_dump_json(indent=2).encode() + b"\n")
    job.out.write("report.html", render("report.html", report).encode())
    job.out.write("report.md", render("report.md", report).encode())
    for candidate in report.candidates:
        card = render("model-card.md", report, candidate=candidate)
        job.out.write(f"{candidate.model}/model-card.md", card.encode())
        for told in (candidate.decision, *candidate.reasons):
            log.info("%s: %s", candidate.model, told)
    return {
        "decision": report.decision,
        "reasons": report.reasons,
        "candidates": {item.model: item.decision for item in report.candidates},
        "averages": {
            model.name: round(model.averages["average"].value, 2)
            for model in report.models
            if "average" in model.averages
        },
    }
