if __name__ == "__main__":  # first: nothing else is imported before
    from jobs.command.early import end_on_signals

    end_on_signals("promote")

from jobs.command.running import run_command
from jobs.promote.settings import PromoteSettings
from jobs.promote.work import promote

if __name__ == "__main__":
    run_command(PromoteSettings, promote)
