"""``perennial``, which is ``python -m pipelines``, too."""

import signal
from typing import NoReturn


def main() -> NoReturn:
    # As `pipelines.output.ended_by_ctrl_c` later: no traceback of what is imported just then.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from pipelines.cli import main as command

    command()


if __name__ == "__main__":
    main()
