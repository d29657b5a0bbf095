"""How an artifact that was made again differs from the one that is recorded."""

from collections.abc import Iterator

from jobs.artifacts.manifest import File, Manifest, Work
from jobs.words import shown

MOST_FILES = 5
"""That are named; a model may have hundreds."""
DIGITS = 12
"""Of a digest that are shown."""


def differences(recorded: Manifest, made: Manifest) -> list[str]:
    """Each file that differs, and how; none where the artifacts are identical."""
    if recorded.digest == made.digest:
        return []
    before, now = ({file.path: file for file in one.files} for one in (recorded, made))
    said = [
        _difference(path, before.get(path), now.get(path))
        for path in sorted(before.keys() | now.keys())
        if before.get(path) != now.get(path)
    ]
    more = len(said) - MOST_FILES
    return [*said[:MOST_FILES], f"and {more} files more"] if more > 0 else said


def _difference(path: str, before: File | None, now: File | None) -> str:
    if before is None or now is None:
        return f"{shown(path)} {'is new' if before is None else 'is missing'}"
    if before.bytes != now.bytes:
        return f"{shown(path)} had {before.bytes} bytes, now {now.bytes}"
    digests = f"{before.digest[:DIGITS]}, now {now.digest[:DIGITS]}"
    return f"{shown(path)} ({now.bytes} bytes) was {now.algorithm} {digests}"


def not_promised(recorded: Manifest, made: Manifest) -> Iterator[str]:
    """What is other about the work itself, so that nobody promised identical artifacts.

    Sums of floating-point numbers in another order, as of another number of processes, may round
    otherwise: so operational settings are among it.
    """
    yield from recorded.differences(Work.of(made))
    for name in sorted(recorded.operation.keys() & made.operation.keys()):
        if recorded.operation[name] != made.operation[name]:
            yield f"{name} was {recorded.operation[name]}, now {made.operation[name]}"
    if recorded.producer.image != made.producer.image:
        images = [item.producer.image or "none" for item in (recorded, made)]
        yield f"made in the image {images[0]}, now {images[1]}"
