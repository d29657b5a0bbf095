"""The same few items, as each model answered them: what changed, for a person to read."""

from collections.abc import Mapping

from jobs.artifacts.reading import Artifact
from jobs.kinds.promises import Evaluated
from jobs.records import Record


class Asked(Record):
    """One item and what came of each model, by the name it was scored under."""

    task: str
    prompt: str
    """Its beginning; of an article its title."""
    answers: Mapping[str, str] = {}
    """Beginnings of what they wrote; empty where the item is an article."""
    bits_per_byte: Mapping[str, float] = {}
    """What they need for the article."""


def asked(artifacts: Mapping[str, Artifact]) -> tuple[Asked, ...]:
    """From the scores of a run, by path below it (``scores/<model>/<task>``), in their order.

    Items are matched by task and prompt: what one model was not asked is not told of it.
    """
    found: dict[tuple[str, str], Asked] = {}
    for path, artifact in artifacts.items():
        if not path.startswith("scores/"):
            continue
        model, task = path.split("/")[1:]
        for example in Evaluated.told(artifact.statistics, artifact.uri).examples:
            item = found.setdefault((task, example.prompt), Asked(task=task, prompt=example.prompt))
            answers, bits = dict(item.answers), dict(item.bits_per_byte)
            if example.answer is not None:
                answers[model] = example.answer
            if example.bits_per_byte is not None:
                bits[model] = example.bits_per_byte
            found[task, example.prompt] = item.model_copy(
                update={"answers": answers, "bits_per_byte": bits}
            )
    return tuple(found.values())
