"""images/build.py: the builder that works is taken, and each image is built as it should be."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.paths import ROOT

JOBS = sorted(path.parent.name for path in (ROOT / "src/jobs").glob("*/__main__.py"))
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
BUILDER = """#!{python}
import json, os, sys
with open({log!r}, "a") as log:
    log.write(json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]]) + "\\n")
if sys.argv[1] in {failing!r}:
    print("layer 7:", {why!r})
    sys.exit(9)
if sys.argv[1] == "images":
    print(json.dumps([{{"size": "656 MB"}}]))
elif sys.argv[1] == "image":
    print(json.dumps([{{"Size": 1234567890}}]))
"""


class Machine:
    """A machine with stand-ins for builders, which write down what they were told."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._log = folder, folder / "log"
        self._log.write_text("")

    def has(self, name: str, *failing: str, why: str = "not today") -> None:
        """A builder, which fails at these commands of its own."""
        program = self._folder / name
        program.write_text(
            BUILDER.format(python=sys.executable, log=str(self._log), failing=failing, why=why)
        )
        program.chmod(0o755)

    def build(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The script, with these builders and git on its path."""
        return self._run([sys.executable, str(ROOT / "images/build.py"), *words])

    def make(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The same by `make images`."""
        return self._run(["make", f"PYTHON={sys.executable}", "images", *words], **variables)

    def _run(self, words: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=ROOT, env={"PATH": f"{self._folder}:/usr/bin:/bin", **variables},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    @property
    def told(self) -> list[list[str]]:
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def commands(self, verb: str) -> list[list[str]]:
        return [words for words in self.told if words[1] == verb]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    for name in ("docker", "podman", "buildah"):
        made.has(name, "info")
    return made


def after(words: list[str], flag: str) -> list[str]:
    return [words[at + 1] for at, word in enumerate(words) if word == flag]


def test_all_jobs_are_built_alike_on_torch_or_python(machine: Machine) -> None:
    machine.has("podman")
    done = machine.build("--registry", "r.example/p", "--tag", "7", "--base", "mine:3.11")
    assert done.returncode == 0, done.stderr
    built = machine.commands("build")
    assert [after(words, "--tag") for words in built] == [[f"r.example/p/{job}:7"] for job in JOBS]
    layers = {}
    for words in built:
        assert words[0] == "podman"
        values = dict(text.split("=", 1) for text in after(words, "--build-arg"))
        assert values.keys() == {"JOB", "ON", "BASE"}
        assert values["BASE"] == "mine:3.11"
        layers[values["JOB"]] = values["ON"]
    assert {job for job, on in layers.items() if on == "torch"} == {"evaluate", "train"}
    assert "r.example/p/train:7     1,235 MB, of which torch is shared" in done.stdout
    assert not machine.commands("push")


def test_labels_tell_commit_licence_and_version(machine: Machine) -> None:
    machine.has("buildah")
    assert machine.build("merge").returncode == 0
    (words,) = machine.commands("build")
    told = dict(text.split("=", 1) for text in after(words, "--label"))
    told = {key.removeprefix("org.opencontainers.image."): text for key, text in told.items()}
    assert told["title"] == "perennial-merge"
    assert told["licenses"] == "Apache-2.0"
    assert told["version"] == VERSION
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    assert told.get("revision", "").removesuffix("-changed") == commit
    assert "--layers" in words
    assert bool(commit) == ("--timestamp" in words)


def test_the_builder_that_works_is_taken_though_another_is_installed(machine: Machine) -> None:
    machine.has("buildah")
    done = machine.build("merge")
    assert [words[0] for words in machine.commands("build")] == ["buildah"]
    assert f"perennial/merge:{VERSION}  656 MB\n" in done.stdout


def test_pushed_when_all_are_built(machine: Machine) -> None:
    machine.has("docker")
    assert machine.build("--push", "--registry=r.example", "merge", "curate").returncode == 0
    verbs = [words[1] for words in machine.told if words[1] in ("build", "push")]
    assert verbs == ["build", "build", "push", "push"]


def test_a_base_that_is_not_here_is_pulled_first(machine: Machine) -> None:
    machine.has("podman", "image")
    assert machine.build("--base=mine:3.11", "merge").returncode == 0
    verbs = [words[1:] for words in machine.told if words[1] in ("build", "pull")]
    assert verbs[0] == ["pull", "mine:3.11"]
    assert [words[0] for words in verbs] == ["pull", "build"]


def test_make_passes_each_word_on_as_it_is(machine: Machine) -> None:
    machine.has("docker")
    done = machine.make("JOBS=merge", "TAG=7", "PUSH=1", "BASE=mine:1", REGISTRY="r.example/p")
    assert done.returncode == 0, done.stderr
    (built,) = machine.commands("build")
    assert after(built, "--tag") == ["r.example/p/merge:7"]
    assert "BASE=mine:1" in built
    assert machine.commands("push") == [["docker", "push", "r.example/p/merge:7"]]
    for tag in ('a"b', "a b", "$(id)", "-7", ";id", "x" * 129):
        done = machine.make(f"TAG={tag.replace('$', '$$')}", "JOBS=merge")
        assert done.returncode
        assert f"images: TAG {tag!r} cannot be: a tag is up to 128 letters" in done.stderr


def test_no_label_tells_who_checked_the_source_out(machine: Machine) -> None:
    machine.has("docker")
    origin = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "remote.origin.url",
        "GIT_CONFIG_VALUE_0": "https://me:secret@git.example/perennial.git",
    }
    assert machine.make("JOBS=merge", **origin).returncode == 0
    (words,) = machine.commands("build")
    assert "secret" not in " ".join(words)
    labels = after(words, "--label")
    assert "org.opencontainers.image.source=https://git.example/perennial.git" in labels


@pytest.mark.parametrize(
    ("has", "words", "said"),
    [
        ((), ["merge"], "docker does not work here: see docker info"),
        ((), ["--with", "podman"], "podman does not work here: see podman info"),
        ((), ["--with", "kaniko"], "kaniko not found; install docker, podman or buildah"),
        (("docker",), ["merg"], "there is no job merg; there are bundle, check, crawl"),
        (("docker",), ["--push"], "PUSH needs REGISTRY=, such as registry.example.com/perennial"),
        (("docker",), ["--registry=R.io/x"], "REGISTRY 'R.io/x' cannot be: it is a host and a"),
        (("docker",), ["--registry=https://r.io"], "REGISTRY 'https://r.io' cannot be: it is a"),
    ],
)
def test_what_cannot_be(
    machine: Machine, has: tuple[str, ...], words: list[str], said: str
) -> None:
    if has:
        machine.has(*has)
    done = machine.build(*words)
    assert done.returncode == 64
    assert done.stderr.startswith(f"images: {said}")
    assert done.stderr.count("\n") == 1
    assert not machine.commands("build")


@pytest.mark.parametrize(
    ("failing", "why", "said"),
    [
        ("build", "it is wet", "building merge failed (9), as said above"),
        ("build", "write /x: No space left on device",
         "building merge failed (9), as said above: the disk is full"),
        ("push", "denied",
         "pushing r.example/merge:7 (see docker login) failed (9), as said above"),
        ("pull", "refused",
         "BASE mine:3.11 is not here; pulling it (BASE= names another) failed (9), as said above"),
    ],
)  # fmt: skip
def test_what_fails_is_told_last(machine: Machine, failing: str, why: str, said: str) -> None:
    machine.has("docker", failing, "image", why=why)
    words = ["--registry=r.example", "--tag=7", "--base=mine:3.11", "--push"]
    done = machine.build(*words, "merge")
    assert done.returncode == 9
    assert done.stderr.endswith(f"layer 7: {why}\nimages: {said}\n")
