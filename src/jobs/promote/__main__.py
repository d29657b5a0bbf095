from jobs.command.running import run_command
from jobs.promote.settings import PromoteSettings
from jobs.promote.work import promote

if __name__ == "__main__":
    run_command(PromoteSettings, promote)
