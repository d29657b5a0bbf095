"""Reads the gate's verdict on a candidate and releases it, or says why not.

Either way the pipeline has done its work, so both end with exit code 0. Step outputs:
``decision``, and ``release``, the number of the record or ``none``.
"""

import logging
import re
from pathlib import PurePosixPath

from jobs.artifacts.manifest import Input
from jobs.artifacts.reading import Artifact
from jobs.artifacts.releases import NAME, Standing, add, current
from jobs.command.running import write_outputs
from jobs.errors import BadInputError
from jobs.kinds.promises import Decision
from jobs.kinds.report import CandidateVerdict, Verdicts
from jobs.promote.settings import PromoteSettings
from jobs.store.prefix import Prefix

log = logging.getLogger("promote")

_CANDIDATE = re.compile(r"/runs/[^/]+/([^/]+)/candidates/[^/]+$")
"""The place of a candidate in a store; the group is its family."""


def promote(settings: PromoteSettings) -> None:
    """Releases the candidate. Raises BadInputError where the report is about another one."""
    candidate = Artifact.open(settings.candidate, "model")
    report = Artifact.open(settings.report, "report")
    verdict = _verdict(candidate, report)
    model = _model_name(settings)
    if verdict.decision != Decision.GO and settings.override is None:
        log.info(
            "not-released model=%s decision=%s reasons=%r; --override REASON releases it all the "
            "same, on the record", model, verdict.decision, " ".join(verdict.reasons),
        )  # fmt: skip
        write_outputs({"decision": verdict.decision, "release": "none"})
        return
    releases = Prefix(settings.releases)
    if settings.override is None:
        _refuse_another_familys(releases, model, candidate)
    release, standing = add(
        releases,
        model,
        candidate=Input(uri=candidate.uri, digest=candidate.digest),
        report=Input(uri=report.uri, digest=report.digest),
        decision=verdict.decision,
        reasons=verdict.reasons,
        override=settings.override,
    )
    number, digest = release.number, candidate.digest[:12]
    if standing is Standing.FORMER:
        log.info(
            "%s model=%s digest=%s: it was number %d, which is current no more; --override REASON "
            "releases it again, on the record", standing, model, digest, number,
        )  # fmt: skip
    else:
        log.info("%s model=%s number=%d digest=%s", standing, model, number, digest)
    number_or_none = "none" if standing is Standing.FORMER else str(number)
    write_outputs({"decision": verdict.decision, "release": number_or_none})


def _verdict(candidate: Artifact, report: Artifact) -> CandidateVerdict:
    verdicts = Verdicts.of(report).candidates
    for verdict in verdicts:
        if verdict.digest == candidate.digest:
            return verdict
    about = ", ".join(verdict.digest[:12] for verdict in verdicts) or "no candidate"
    raise BadInputError(
        f"--report {report.uri} is about {about}, but --candidate {candidate.uri} has the digest "
        f"{candidate.digest[:12]}; make the report again from the scores of this candidate"
    )


def _refuse_another_familys(releases: Prefix, model: str, candidate: Artifact) -> None:
    """Fleets that share a store may name candidates of different families alike."""
    record = current(releases, model)
    before, now = _family(record.candidate.uri if record else ""), _family(candidate.uri)
    if record and before and now and before != now:
        raise BadInputError(
            f"{model} stands for the family {before} (release {record.number}), but --candidate "
            f"{candidate.uri} is of the family {now}; give one of them another name (release: in "
            "the fleet file), or take the name over with --override REASON"
        )


def _family(candidate: str) -> str | None:
    """By its place in a store; None where it lies elsewhere."""
    found = _CANDIDATE.search(candidate)
    return found[1] if found else None


def _model_name(settings: PromoteSettings) -> str:
    name = settings.name or PurePosixPath(settings.candidate).name
    if not NAME.fullmatch(name):
        raise BadInputError(
            f"{name!r} is no model name (letters, digits, dots, dashes); give one with --name"
        )
    return name
