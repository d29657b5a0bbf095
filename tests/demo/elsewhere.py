"""``python -m tests.demo.elsewhere FOLDER …``: the demo, with `FOLDER` in place of ``.demo``."""

import sys
from pathlib import Path

from demo import __main__ as demo

if __name__ == "__main__":
    demo.WORK = Path(sys.argv.pop(1))
    sys.exit(demo.main())
