from jobs.command_line import run_command
from jobs.promote.promotion import promote
from jobs.promote.settings import PromoteSettings

if __name__ == "__main__":
    run_command(PromoteSettings, promote)
