"""Whether the rows that a family replays are there, and as long as its own."""

from collections.abc import Iterator

from jobs.artifacts.manifest import find_manifest
from jobs.errors import BadInputError, TransientError
from jobs.pack.settings import PackSettings
from jobs.store.failures import OF_A_PERSON
from jobs.store.prefix import Prefix
from pipelines.plan.intent import Finding, Known


def check_replay(known: Known) -> Iterator[Finding]:
    """Each place that holds no packed rows, or rows of another length, once."""
    fleet = known.intent.fleet
    for number, family in enumerate(fleet.families):
        uri = family.section("train", fleet).get("replay")
        if not uri:
            continue
        is_own = "replay" in family.train
        where = known.intent.at(*(("families", number) if is_own else ()), "train", "replay")
        length = family.section("pack", fleet).get(
            "sequence_length", PackSettings.model_fields["sequence_length"].default
        )
        try:
            if said := _why_not(uri, length):
                yield Finding(where, said)
        except TransientError as error:
            yield Finding(where, f"what lies there is not known: {error}", is_problem=False)


def _why_not(uri: str, length: int) -> str:
    """Of rows that can be replayed beside others of this length it is empty."""
    try:
        manifest = find_manifest(Prefix(uri, OF_A_PERSON))
    except BadInputError as error:
        return str(error)
    if manifest is None or manifest.kind != PackSettings.kind:
        what = "no artifact" if manifest is None else f"an artifact of kind {manifest.kind}"
        return f"{uri} holds {what}, expected packed rows; give the URI of another run's rows"
    there = manifest.settings.get("sequence_length")
    if there != length:
        return f"{uri} has rows of {there} tokens, the family's have {length}; pack both alike"
    return ""
