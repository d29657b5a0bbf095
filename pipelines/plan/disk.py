"""Whether the disk of a folder that serves as a store has room for what a run adds."""

import os
from collections.abc import Iterator
from pathlib import Path

from jobs.numbers import num_bytes
from pipelines.plan.intent import Finding, Known


def check_disk(known: Known) -> Iterator[Finding]:
    """Told and not refused: what a run adds is an estimate, and room may be made meanwhile."""
    store = known.intent.parameters["store"]
    if known.plan is None or not store.startswith("/"):
        return
    there = Path(store)
    while not there.exists():
        there = there.parent
    disk = os.statvfs(there)
    free = disk.f_bavail * disk.f_frsize
    added = sum(planned.cost.stored_bytes or 0 for planned in known.plan.to_do)
    if disk.f_blocks and added > free:
        yield Finding(
            known.intent.flag("store"),
            f"its disk has {num_bytes(free)} free, and the run adds about {num_bytes(added)}; one "
            "that fills it ends with 64, and continues once there is room",
            False,
        )
