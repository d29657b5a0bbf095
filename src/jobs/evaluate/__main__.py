"""``python -m jobs.evaluate``."""

if __name__ == "__main__":  # first: nothing else is imported before
    from jobs.command.early import end_on_signals

    end_on_signals("evaluate")

from jobs.command.importing import importing
from jobs.command.running import Job, Statistics, run_job
from jobs.evaluate.settings import EvaluateSettings


def work(job: Job[EvaluateSettings]) -> Statistics:
    with importing():
        from jobs.evaluate.work import evaluate

    return evaluate(job)


if __name__ == "__main__":
    run_job(EvaluateSettings, work)
