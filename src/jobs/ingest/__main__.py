if __name__ == "__main__":  # first: nothing else is imported before
    from jobs.command.early import end_on_signals

    end_on_signals("ingest")

from jobs.command.importing import importing
from jobs.command.running import Job, Statistics, run_job
from jobs.ingest.settings import IngestSettings


def work(job: Job[IngestSettings]) -> Statistics:
    with importing():
        from jobs.ingest.work import import_model

    return import_model(job)


if __name__ == "__main__":
    run_job(IngestSettings, work)
