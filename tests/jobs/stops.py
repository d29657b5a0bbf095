"""Programs that are told to stop where a library may swallow it, and how each has to end."""

import signal
from dataclasses import dataclass

PROGRAM = """
import asyncio, atexit, contextlib, ctypes, multiprocessing, os, signal, subprocess, sys, threading
import logging, time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar
from jobs.command.running import run_command
from jobs.command.settings import FlagSettings
from jobs.errors import PerennialError, TransientError
from jobs.stopping import STOP
from jobs.store.prefix import Prefix

FOLDER = Path(__file__).parent
libc = ctypes.CDLL(None)

class Settings(FlagSettings):
    "A trial."
    job: ClassVar[str] = "trial"
    version: ClassVar[str] = "1"

log = logging.getLogger("trial")

def sleep(seconds=30):
    (FOLDER / "ready").touch()
    time.sleep(seconds)

def work(settings):
{case}
    Prefix(FOLDER / "store").write("after", b"a stop that was swallowed is never kept")

if __name__ == "__main__":
    run_command(Settings, work)
"""


@dataclass(frozen=True)
class Case:
    code: str
    said: str = "ERROR trial: stopped by SIGTERM; the same command continues"
    """The last line of the log; "" where nothing can be said."""
    exit_code: int = 143
    seconds: tuple[float, float] = (0.0, 2.0)
    """Between the first signal and the end; with a grace of 4 s a process is ended after 2."""
    signals: tuple[signal.Signals, ...] = (signal.SIGTERM,)
    writes: bool = False
    there: tuple[str, ...] = ()
    """Files that it must have left."""


ENDED = f"{Case.said}; it did not end by itself in time and was ended"
IN_TIME, IN_THE_END = (0.0, 1.9), (1.9, 4.0)
TERM, INT = signal.SIGTERM, signal.SIGINT

CASES = {
    "it sleeps": Case("sleep()", seconds=IN_TIME),
    "every Exception is caught": Case(
        "while True:\n  try: sleep()\n  except Exception: pass", seconds=IN_TIME
    ),
    "our own errors are suppressed": Case(
        "with contextlib.suppress(PerennialError): sleep()", seconds=IN_TIME
    ),
    "swallowed once by a bare except": Case("try: sleep()\nexcept: pass", seconds=IN_TIME),
    "swallowed for ever": Case(
        "while True:\n  try: sleep()\n  except BaseException: pass", ENDED, seconds=IN_THE_END
    ),
    "swallowed around a write, again and again": Case(
        "sleep_once = iter([30])\n"
        "while True:\n"
        "  try:\n"
        "    sleep(next(sleep_once, 0.1))\n"
        "    Prefix(FOLDER / 'store').write('during', b'')\n"
        "  except BaseException: pass",
        ENDED,
        seconds=IN_THE_END,
    ),
    "within __del__": Case(
        "class Noisy:\n  def __del__(self): sleep()\nNoisy()", seconds=IN_TIME
    ),
    "within a callback from C": Case(
        "call = ctypes.CFUNCTYPE(None)(sleep)\ncall()", seconds=IN_TIME
    ),
    "within a finally that returns": Case(
        "def eaten():\n  try: sleep()\n  finally: return\neaten()", seconds=IN_TIME
    ),
    "made another error": Case(
        "try: sleep()\nexcept BaseException: raise RuntimeError('pool\\nis broken')",
        "RuntimeError: pool is broken; stopped by SIGTERM; the same command continues",
        seconds=IN_TIME,
    ),
    "made an error of ours": Case(
        "try: sleep()\nexcept BaseException: raise TransientError('a process was killed')",
        "a process was killed; stopped by SIGTERM; the same command continues",
        seconds=IN_TIME,
    ),
    "in a coroutine": Case(
        "async def run(): sleep()\nasyncio.run(run())", seconds=IN_TIME
    ),
    "the handler was replaced": Case(
        "signal.signal(signal.SIGTERM, lambda *_: None)\nwhile True: sleep()",
        ENDED,
        seconds=IN_THE_END,
    ),
    "a call into C that does not come back": Case(
        "mutex = ctypes.create_string_buffer(64)\n"
        "libc.pthread_mutex_lock(mutex)\n"
        "(FOLDER / 'ready').touch()\n"
        "libc.pthread_mutex_lock(mutex)",
        ENDED,
        seconds=IN_THE_END,
    ),
    "a server that never answers": Case(
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "address = f'http://127.0.0.1:{server.getsockname()[1]}'\n"
        "os.environ |= dict(AWS_ACCESS_KEY_ID='x', AWS_SECRET_ACCESS_KEY='x',\n"
        "                   AWS_ENDPOINT_URL=address, NO_PROXY='127.0.0.1')\n"
        "def accept():\n"
        "  kept = server.accept()\n"
        "  sleep()\n"
        "threading.Thread(target=accept, daemon=True).start()\n"
        "Prefix('s3://bucket').write('object', b'')",
        ENDED,
        seconds=IN_THE_END,
    ),
    "a thread that is waited for": Case(
        "with ThreadPoolExecutor() as pool: pool.submit(libc.sleep, 30); sleep()",
        ENDED,
        seconds=IN_THE_END,
    ),
    "a thread that outlives the work": Case(
        "threading.Thread(target=libc.sleep, args=[30]).start()\nsleep()",
        ENDED,
        seconds=IN_THE_END,
    ),
    "what runs at exit hangs": Case(
        "atexit.register(sleep)\nsleep()", ENDED, seconds=IN_THE_END
    ),
    "processes that were forked": Case(
        "with ProcessPoolExecutor(2, multiprocessing.get_context('fork')) as pool:\n"
        "  pool.submit(os.getpid).result(); pool.submit(time.sleep, 30); sleep()",
        ENDED,
        seconds=IN_THE_END,
    ),
    "processes of a fork server": Case(
        "with ProcessPoolExecutor(2, multiprocessing.get_context('forkserver')) as pool:\n"
        "  pool.submit(os.getpid).result(); pool.submit(time.sleep, 30); sleep()",
        ENDED,
        seconds=IN_THE_END,
    ),
    "a child with a session of its own": Case(
        "subprocess.Popen(['sh', '-c', 'sleep 30'], start_new_session=True)\n"
        "while True:\n  try: sleep()\n  except BaseException: pass",
        ENDED,
        seconds=IN_THE_END,
    ),
    "a forked child is told, not its parent": Case(
        "child = multiprocessing.get_context('fork').Process(target=time.sleep, args=[30])\n"
        "child.start(); child.terminate(); child.join()\n"
        "assert child.exitcode == -15\n"
        "sleep(2.5)",
        "",
        exit_code=0,
        seconds=(0.0, 60.0),
        signals=(),
        writes=True,
    ),
    "told twice, its way out is not disturbed": Case(
        "try: sleep()\nfinally:\n  time.sleep(1.2)\n  (FOLDER / 'tidy').touch()",
        signals=(TERM, TERM, TERM),
        seconds=(1.2, 1.9),
        there=("tidy",),
    ),
    "told twice, and it has something to save": Case(
        "STOP.hold(lambda: 'nothing is lost')\n"
        "end = time.monotonic() + 60\n"
        "(FOLDER / 'ready').touch()\n"
        "while not STOP.told and time.monotonic() < end: time.sleep(0.1)\n"
        "time.sleep(1)\n"
        "assert 0.5 < STOP.seconds_left < 1.1, STOP.seconds_left",
        "",
        exit_code=0,
        signals=(TERM, TERM),
        seconds=(1.0, 1.9),
        writes=True,
    ),
    "saving takes too long": Case(
        "STOP.hold(lambda: 'the last checkpoint counts')\nwhile True: sleep()",
        f"{ENDED}; the last checkpoint counts",
        seconds=IN_THE_END,
    ),
    "saving fails": Case(
        "STOP.hold(lambda: 'the last checkpoint counts')\n"
        "(FOLDER / 'ready').touch()\n"
        "while not STOP.told: time.sleep(0.1)\n"
        "raise RuntimeError('Connection closed by peer')",
        "RuntimeError: Connection closed by peer; stopped by SIGTERM; the same command continues; "
        "the last checkpoint counts",
        seconds=IN_TIME,
    ),
    "it comes when all is done": Case(
        "(FOLDER / 'ready').touch()\natexit.register(os.kill, os.getpid(), signal.SIGTERM)",
        "",
        exit_code=0,
        signals=(),
        writes=True,
    ),
    "a terminal's Ctrl-C, which its own processes get, too": Case(
        "os.setpgrp()\n"
        "with ProcessPoolExecutor(2, multiprocessing.get_context('fork')) as pool:\n"
        "  waiting = [pool.submit(sleep) for _ in range(2)]\n"
        "  while not (FOLDER / 'ready').exists(): time.sleep(0.01)\n"
        "  threading.Timer(0.5, os.killpg, [0, signal.SIGINT]).start()\n"
        "  waiting[0].result()",
        "stopped by SIGINT; the same command continues",
        exit_code=130,
        signals=(),
        seconds=(0.0, 2.4),
    ),
    "a person at a terminal": Case(
        "sleep()",
        Case.said.replace("SIGTERM", "SIGINT"),
        exit_code=130,
        signals=(INT,),
        seconds=IN_TIME,
    ),
    "a person in a hurry": Case(
        "while True:\n  try: sleep()\n  except BaseException: pass",
        ENDED.replace("SIGTERM", "SIGINT"),
        exit_code=130,
        signals=(INT, INT),
        seconds=(0.0, 1.9),
    ),
    "a log that nobody reads": Case(
        "pipe = os.pipe()\nos.dup2(pipe[1], 2)\n"
        "(FOLDER / 'ready').touch()\nwhile True: log.error('x')",
        "",
        seconds=(1.9, 5.0),
    ),
}  # fmt: skip
