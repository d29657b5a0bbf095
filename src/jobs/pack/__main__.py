if __name__ == "__main__":  # first: nothing else is imported before
    from jobs.command.early import end_on_signals

    end_on_signals("pack")

from collections.abc import Mapping

from jobs.artifacts.reading import Artifact
from jobs.command.importing import importing
from jobs.command.running import Job, Statistics, run_job
from jobs.kinds.model import tokenizer_of
from jobs.pack.settings import PackSettings


def open_inputs(settings: PackSettings) -> Mapping[str, Artifact]:
    inputs = settings.open_inputs()
    return inputs | {"tokenizer": tokenizer_of(inputs["tokenizer"])}


def work(job: Job[PackSettings]) -> Statistics:
    with importing():
        from jobs.pack.work import write_packed

    return write_packed(job)


if __name__ == "__main__":
    run_job(PackSettings, work, open_inputs)
