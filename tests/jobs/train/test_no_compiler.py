"""Training where nothing can be compiled, as in its image: it does not even try."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.pico import SENTENCE, commit_articles, commit_llama, run_job

COMPILERS = ("c++", "cc", "clang", "clang++", "cmake", "g++", "gcc", "ld", "make", "ninja", "nvcc")
"""DeepSpeed, Triton and torch.utils.cpp_extension look for these on the path."""


def test_two_processes_call_no_compiler(tmp_path: Path) -> None:
    root = tmp_path
    commit_articles(f"{root}/articles", [SENTENCE] * 20)
    commit_llama(f"{root}/model", root / "scratch")
    packed = run_job(
        "pack", f"--articles={root}/articles", f"--tokenizer={root}/model", f"--out={root}/rows",
        "--sequence-length=32",
    )  # fmt: skip
    assert packed.returncode == 0, packed.stderr
    programs, called, home = root / "bin", root / "called", root / "home"
    programs.mkdir()
    home.mkdir()
    for name in COMPILERS:
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >>{called}\nexit 1\n')
        (programs / name).chmod(0o755)
    variables = {name: text for name, text in os.environ.items() if "CUDA" not in name}
    variables |= {"PATH": str(programs), "HOME": str(home)}
    variables.pop("TORCH_EXTENSIONS_DIR", None)
    words = [
        "--objective=cpt", "--batch-rows=2", "--processes=2", f"--model={root}/model",
        f"--rows={root}/rows", f"--out={root}/cpt",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "jobs.train", *words],
        env=variables, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not called.exists(), called.read_text()
    assert not (home / ".cache/torch_extensions").exists()
