if __name__ == "__main__":  # first: nothing else is imported before
    from jobs.command.early import end_on_signals

    end_on_signals("check")

from collections.abc import Mapping

from jobs.artifacts.reading import Artifact
from jobs.check.settings import CheckSettings
from jobs.check.work import Found, record
from jobs.command.running import run_job


def main() -> None:
    """Models that do not fit are no inputs, whatever an earlier check of them said."""
    found = Found()

    def fitting_inputs(settings: CheckSettings) -> Mapping[str, Artifact]:
        return found.check(settings)

    run_job(CheckSettings, lambda job: record(job, found), fitting_inputs)


if __name__ == "__main__":
    main()
