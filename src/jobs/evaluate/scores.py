"""From lm-eval's results to ours: the suite's metrics, and one record an item. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from jobs.kinds.scores import Metric

LmEvalResults = dict[str, Any]
"""What ``lm_eval.evaluate`` returns."""


def metric_scores(results: LmEvalResults, name: str, metrics: Sequence[str]) -> dict[str, Metric]:
    """Metric → value, standard error (None where lm-eval has none), and which way is better."""
    found = results["results"][name]
    # Of groups of groups (MMLU) lm-eval says this for the single tasks only.
    better = {
        metric: value
        for single in results["higher_is_better"].values()
        for metric, value in single.items()
    }
    scores = {}
    for metric in metrics:
        base, key = metric.split(",")[0], _key(found, metric)
        stderr = found.get(key.replace(base, f"{base}_stderr", 1))
        scores[metric] = Metric(
            value=float(found[key]),
            stderr=float(stderr) if isinstance(stderr, int | float) else None,
            higher_is_better=bool(better[base]),
        )
    return scores


def _key(found: dict[str, Any], metric: str) -> str:
    """lm-eval's key of a metric, ``acc,none``; a metric without a filter has only one.

    >>> _key({"alias": "x", "exact_match,custom-extract": 0.5}, "exact_match")
    'exact_match,custom-extract'
    """
    if "," in metric:
        return metric
    (key,) = (key for key in found if key.startswith(f"{metric},"))
    return key


def num_items(results: LmEvalResults) -> int:
    """Items scored, over all single tasks."""
    return sum(counts["effective"] for counts in results["n-samples"].values())


def items(results: LmEvalResults) -> Iterator[dict[str, Any]]:
    """One record an item and filter: what the model answered, and how that was scored."""
    for task, samples in sorted(results["samples"].items()):
        for sample in samples:
            yield {
                "task": task,
                "item": sample["doc_id"],
                "hash": sample["doc_hash"],
                "filter": sample["filter"],
                "answers": sample["filtered_resps"],
                "scores": {metric: sample[metric] for metric in sample["metrics"]},
            }
