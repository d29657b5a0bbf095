"""Scores one model on one task: data, model, lm-eval, and what it found as files.

lm-eval and torch are imported after the network is shut off and the task is known to exist.
"""

import json
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.command.importing import importing
from jobs.command.running import Job, Statistics
from jobs.errors import BadInputError
from jobs.evaluate.examples import examples
from jobs.evaluate.offline import go_offline, unpack_sentence_model
from jobs.evaluate.scores import LmEvalResults, items, metric_scores, num_items
from jobs.evaluate.settings import EvaluateSettings
from jobs.kinds.promises import Evaluated
from jobs.kinds.scores import BITS_PER_BYTE, HELDOUT_TASK, ITEMS, RESULTS, Results
from jobs.suites import Task
from jobs.suites.sealed import SealedSuite

if TYPE_CHECKING:
    from jobs.evaluate.model import LanguageModel
    from jobs.evaluate.tasks import TaskDict

LARGER = "give it a GPU with more memory"
HELDOUT_METRICS = (BITS_PER_BYTE, "byte_perplexity")
# lm-eval's own defaults, so that its command line draws the same examples.
PYTHON_SEED, OTHER_SEED = 0, 1234


def evaluate(job: Job[EvaluateSettings]) -> Statistics:
    """Writes the results, and what became of each item."""
    settings, size = job.settings, job.settings.batch_size
    fix = f"lower --batch-size from {size}" if size > 1 else LARGER
    task = None if settings.task == HELDOUT_TASK else _find_task(job)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        go_offline(scratch)
        if task and task.sentence_model:
            unpack_sentence_model(job.inputs["bundle"], scratch)
        with importing():  # loading a model imports its architecture; a task, its functions
            from jobs.evaluate.model import load_model
            from jobs.evaluate.tasks import bundle_tasks, heldout_tasks
            from jobs.kinds.devices import device_name, within_memory

            with within_memory("the model", LARGER):
                model = load_model(job.inputs["model"], scratch / "model", settings.batch_size)
            if task:
                tasks = bundle_tasks(job.inputs["bundle"], task, model.max_length)
            else:
                tasks = heldout_tasks(job.inputs["rows"])
        chat = bool(task and task.apply_chat_template and model.tokenizer.chat_template)
        with within_memory(f"{size} prompts at a time with the model", fix):
            results = _score(job, model, tasks, chat)
    told = Evaluated(examples=examples(results, tasks["tasks"]), device=device_name(model.device))
    return {**_write(job, task, results, chat), **told.model_dump(mode="json", exclude_none=True)}


def _find_task(job: Job[EvaluateSettings]) -> Task:
    suite = SealedSuite.of(job.inputs["bundle"]).suite
    return suite.task(job.settings.task, also=(HELDOUT_TASK,))


def _score(
    job: Job[EvaluateSettings], model: "LanguageModel", tasks: "TaskDict", chat: bool
) -> LmEvalResults:
    """Raises BadInputError for items that lm-eval cannot take; what fails in the model stays."""
    from jobs.kinds.network import refusing

    settings = job.settings
    data = job.inputs["rows" if settings.task == HELDOUT_TASK else "bundle"]
    try:
        what = f"cannot be scored as {settings.task} with this model"
        with refusing(data, what, "correct its items, or bundle it again"):
            return _run(model, tasks, settings.limit, chat)
    except BadInputError:
        if model.failed is not None:
            raise model.failed  # noqa: B904
        raise


def _run(model: "LanguageModel", tasks: "TaskDict", limit: int | None, chat: bool) -> LmEvalResults:
    """lm-eval's evaluation, seeded as its command line does."""
    import random

    import langdetect
    import lm_eval
    import numpy as np
    import torch

    random.seed(PYTHON_SEED)
    np.random.seed(OTHER_SEED)  # the generator that its tasks use
    torch.manual_seed(OTHER_SEED)
    langdetect.DetectorFactory.seed = PYTHON_SEED  # else IFEval's language checks vary
    for single in tasks["tasks"].values():
        single.set_fewshot_seed(OTHER_SEED)
    results: LmEvalResults = lm_eval.evaluate(
        model,
        tasks,
        limit=limit,
        log_samples=True,
        apply_chat_template=chat,
        fewshot_as_multiturn=chat,
    )
    return results


def _write(
    job: Job[EvaluateSettings], task: Task | None, results: LmEvalResults, chat: bool
) -> Statistics:
    name = task.lm_eval_task if task else HELDOUT_TASK
    wanted = [column.metric for column in task.columns] if task else HELDOUT_METRICS
    metrics = metric_scores(results, name, wanted)
    generation = {
        config["task"]: config["generation_kwargs"]
        for config in results["configs"].values()
        if "generation_kwargs" in config
    }
    answer = Results(
        task=job.settings.task,
        model_digest=job.inputs["model"].digest,
        num_items=num_items(results),
        limit=job.settings.limit,
        metrics=metrics,
        lm_eval_version=metadata.version("lm_eval"),
        task_version=str(results["versions"][name]),
        num_fewshot=task.num_fewshot if task else 0,
        chat_template_applied=chat,
        generation=generation,
    )
    job.out.write_json(RESULTS, answer.model_dump())
    with job.out.open(ITEMS) as file:
        for item in items(results):
            file.write(json.dumps(item, ensure_ascii=False, default=float).encode() + b"\n")
    return {
        "task": job.settings.task,
        "items": answer.num_items,
        "partial": job.settings.limit is not None,
        **{key: metric.value and round(metric.value, 6) for key, metric in metrics.items()},
    }
