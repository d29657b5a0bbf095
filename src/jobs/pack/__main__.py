from collections.abc import Mapping

from jobs.artifact import Artifact
from jobs.command_line import Job, Statistics, run_job
from jobs.model import tokenizer_part
from jobs.pack.settings import PackSettings


def open_inputs(settings: PackSettings) -> Mapping[str, Artifact]:
    inputs = settings.open_inputs()
    return inputs | {"tokenizer": tokenizer_part(inputs["tokenizer"])}


def work(job: Job[PackSettings]) -> Statistics:
    from jobs.pack.working import write_packed

    return write_packed(job)


if __name__ == "__main__":
    run_job(PackSettings, work, open_inputs)
