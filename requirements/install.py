"""Installs a lock into an environment: ``install.py ENVIRONMENT LOCK UV pip install FLAG…``.

Which torch it takes is asked before anything is installed: the lock's, with CUDA, on a machine with
a GPU of NVIDIA; else the build without CUDA where an index or a folder that pip is set to look into
has one for this machine. An index that
does not answer, or a file with another hash, is an error: it never decides for the other build.

What is downloaded is told as it goes on. A stop is passed on to uv and waited for.
"""

import ast
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

TORCH_CPU = Path(__file__).with_name("torch-cpu.lock")
WITH_CUDA_ONLY = re.compile(r"(?m)^(torch|triton|cuda-[a-z]+|nvidia-[a-z0-9-]+)==")
SAYS_NO = ("there is no version of torch", "was not found in", "no wheels with a matching")
WITHOUT_CUDA_SAID = "Installing the CPU build of torch: about 2 GB on disk in all …"
WITH_CUDA_SAID = (
    "No CPU build of torch found here; installing the larger one with CUDA: "
    "about 6 GB on disk in all …"
)
WITH_GPU_SAID = "A GPU of NVIDIA is here; installing torch with CUDA: about 6 GB on disk in all …"
GPUS_OWN = "nvidia-smi"
"""The driver's command."""
IS_LISTED = re.compile(r" [-+~] |Using Python ")  # each package, which nobody reads
SAYS_NOTHING = re.compile(r"An index.*(could not be queried|returned a)")  # 401 and 403


def main() -> int:
    """The exit code: uv's own, 75 where it cannot be told which torch, 0 where all is installed."""
    environment, lock, *install = sys.argv[1:]
    install += ["--python", f"{environment}/bin/python", "--require-hashes"]
    names = WITH_CUDA_ONLY.findall(Path(lock).read_text())
    left_out = Path(environment, "left-out")
    left_out.write_text("")
    if "torch" in names and shutil.which(GPUS_OWN):
        print(WITH_GPU_SAID, flush=True)
    elif "torch" in names:
        ask = [install[0], "pip", "compile", "--quiet", "--no-deps", "--no-header"]
        ask += ["--no-annotate", "--python", f"{environment}/bin/python"]
        place = next((place for place in places() if has_torch_without_cuda(ask, place)), None)
        print(WITH_CUDA_SAID if place is None else WITHOUT_CUDA_SAID, flush=True)
        if place is not None:
            if code := run([*install, *place, "-r", str(TORCH_CPU)]):
                return code
            left_out.write_text("\n".join(names))
    return run([*install, "--excludes", str(left_out), "-r", lock])


def run(command: list[str]) -> int:
    """The exit code of uv, or 128 + the signal that stopped us; what it says is passed on."""
    told: list[int] = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:

        def stop(number: int, _: object) -> None:
            told.append(number)
            child.terminate()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # as nohup sets it
                signal.signal(number, stop)
        assert child.stderr
        for line in child.stderr:
            if not IS_LISTED.match(line):
                print(line, end="", file=sys.stderr, flush=True)
    if told:
        print(f"Stopped by {signal.Signals(told[0]).name}; the same command continues.")
    return 128 + told[0] if told else child.returncode


def places() -> list[list[str]]:
    """Where pip is set to look for packages, each as uv's flags; uv reads none of pip's settings.

    For torch's build without CUDA only: all else comes from the one index.
    """
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    pairs = (line.partition("=") for line in listed.stdout.splitlines())
    settings = {name: str(ast.literal_eval(value)).split() for name, _, value in pairs}

    def setting(name: str) -> list[str]:
        keys = (f"{section}.{name}" for section in (":env:", "install", "global"))
        return next((settings[key] for key in keys if key in settings), [])

    folders = [f for f in setting("find-links") if "://" in f or Path(f).exists()]  # as pip does
    found = [["--no-index", f"--find-links={folder}"] for folder in folders]
    return [*found, *([f"--default-index={index}"] for index in setting("extra-index-url")), []]


def has_torch_without_cuda(ask: list[str], place: list[str]) -> bool:
    """Whether `place` has torch-cpu.lock's for this machine; exits where none can tell."""
    pin = next(line for line in TORCH_CPU.read_text().splitlines() if line.startswith("torch=="))
    done = subprocess.run(
        [*ask, *place, "-"],
        input=pin.removesuffix(" \\"),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return done.stdout.startswith("torch==")
    says_no = done.returncode == 1 and any(words in done.stderr for words in SAYS_NO)
    if says_no and not SAYS_NOTHING.search(done.stderr):
        return False
    print(f"Cannot tell which build of torch to install:\n{done.stderr}", end="", file=sys.stderr)
    sys.exit(75)


if __name__ == "__main__":
    sys.exit(main())
