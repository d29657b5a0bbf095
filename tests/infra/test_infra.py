"""The Terraform of infra/, as far as it can be checked without Google's provider.

`terraform validate` needs the provider's schema; the wiring of the modules is checked here instead.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from pipelines.fleet.placement import Placement
from pipelines.workflows.placement import GPU, POOL_LABEL
from pipelines.workflows.steps import tolerations
from tests.support.paths import ROOT

INFRA = ROOT / "infra"
EXAMPLE = INFRA / "environments" / "example"
FOLDERS = sorted({path.parent for path in INFRA.rglob("*.tf")})
MODULES = ["bucket", "cluster", "gpu_pool", "identity"]

needs_terraform = pytest.mark.skipif(
    shutil.which("terraform") is None, reason="terraform is not on the PATH"
)


def text(folder: Path) -> str:
    """All HCL of a folder without comments, each run of blanks as one."""
    lines = "\n".join(path.read_text() for path in sorted(folder.glob("*.tf"))).splitlines()
    kept = (re.sub(r"(^|\s)#.*", "", line) for line in lines)
    return "\n".join(re.sub(r"(?<=\S)\s+", " ", line).rstrip() for line in kept)


def blocks(kind: str, folder: Path) -> dict[str, str]:
    """Name → body of the top-level blocks of one kind; formatted HCL closes them in column 0."""
    found = re.findall(rf'^{kind} "(\w+)" \{{\n(.*?)^\}}', text(folder), re.DOTALL | re.MULTILINE)
    return dict(found)


def arguments(body: str) -> dict[str, str]:
    return dict(re.findall(r"^  (\w+) = (.*)$", body, re.MULTILINE))


def module_folder(body: str) -> Path:
    source = arguments(body)["source"].strip('"')
    return (EXAMPLE / source).resolve()


@needs_terraform
def test_format() -> None:
    wrong = terraform("fmt", "-check", "-recursive", folder=INFRA)
    assert not wrong, "run `terraform fmt -recursive infra`"


@needs_terraform
def test_terraform_reads_the_environment_and_its_modules(tmp_path: Path) -> None:
    copy = shutil.copytree(INFRA, tmp_path / "infra", ignore=shutil.ignore_patterns(".terraform"))
    read = terraform("get", "-no-color", folder=copy / EXAMPLE.relative_to(INFRA))
    assert sorted(re.findall(r"^- (\w+) in ", read, re.MULTILINE)) == MODULES


def terraform(*arguments: str, folder: Path) -> str:
    """What terraform prints; CHECKPOINT_DISABLE keeps it from asking for newer versions."""
    done = subprocess.run(
        ["terraform", *arguments],
        cwd=folder,
        env={**os.environ, "CHECKPOINT_DISABLE": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_variables_are_those_that_are_used(folder: Path) -> None:
    assert set(re.findall(r"\bvar\.(\w+)", text(folder))) == set(blocks("variable", folder))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_locals_are_those_that_are_used(folder: Path) -> None:
    bodies = re.findall(r"^locals \{\n(.*?)^\}", text(folder), re.DOTALL | re.MULTILINE)
    assert set(re.findall(r"\blocal\.(\w+)", text(folder))) == set(arguments("".join(bodies)))


def test_the_environment_uses_every_module() -> None:
    used = {module_folder(body) for body in blocks("module", EXAMPLE).values()}
    assert used == {folder for folder in FOLDERS if folder.parent.name == "modules"}


@pytest.mark.parametrize("module", MODULES)
def test_modules_get_what_they_ask_for(module: str) -> None:
    body = blocks("module", EXAMPLE)[module]
    variables = blocks("variable", module_folder(body))
    required = {name for name, said in variables.items() if "default" not in arguments(said)}
    given = set(arguments(body)) - {"source"}
    assert required <= given <= set(variables)


@pytest.mark.parametrize("module", MODULES)
def test_modules_give_what_is_asked_of_them(module: str) -> None:
    outputs = blocks("output", module_folder(blocks("module", EXAMPLE)[module]))
    assert set(re.findall(rf"\bmodule\.{module}\.(\w+)", text(EXAMPLE))) == set(outputs)


def test_pool_labels_are_those_that_steps_choose() -> None:
    placement = Placement()
    pools = {"cluster": placement.cpu_pool, "gpu_pool": placement.gpu_pool}
    for module, pool in pools.items():
        hcl = text(INFRA / "modules" / module)
        assert re.findall(rf'"{re.escape(POOL_LABEL)}" = "(\w+)"', hcl) == [pool]


def test_gpu_taint_is_the_one_that_steps_tolerate() -> None:
    [toleration] = tolerations("gpu") or []
    [taint] = re.findall(r"taint \{\n(.*?)\}", text(INFRA / "modules" / "gpu_pool"), re.DOTALL)
    assert re.findall(r'key = "(.*)"', taint) == [toleration.key] == [GPU]
    assert re.findall(r'effect = "(.*)"', taint) == ["NO_SCHEDULE"]
    assert (toleration.operator, toleration.effect) == ("Exists", "NoSchedule")


def test_cpu_pools_have_no_taint() -> None:
    assert tolerations("cpu") is None
    assert "taint" not in text(INFRA / "modules" / "cluster")


def test_steps_fit_their_nodes() -> None:
    """a2-highgpu-8g has 96 processors, 680 GB and 8 GPUs, e2-standard-16 16 and 64 GiB.

    Of these GKE keeps for itself, generously, 2 and 40 GiB of the first, 1 and 8 GiB of the second.
    """
    placement = Placement()
    machine = arguments(blocks("variable", INFRA / "modules" / "gpu_pool")["machine_type"])
    assert machine["default"] == '"a2-highgpu-8g"'
    assert placement.train_gpus == 8
    assert int(placement.train_cpu) <= 94
    assert gibibytes(placement.train_memory) <= 590
    evaluations = 8 // placement.evaluate_gpus  # side by side, one a GPU
    assert evaluations * int(placement.evaluate_cpu) <= 94
    assert evaluations * gibibytes(placement.evaluate_memory) <= 590

    assert 'cpu = { machine_type = "e2-standard-16"' in text(INFRA / "modules" / "cluster")
    assert int(placement.data_cpu) <= 15
    assert gibibytes(placement.data_memory) <= 56


def gibibytes(quantity: str) -> int:
    assert quantity.endswith("Gi")
    return int(quantity.removesuffix("Gi"))


def test_the_identity_is_that_of_the_steps() -> None:
    chart = ROOT / "charts" / "perennial"
    refresh = yaml.safe_load((chart / "files" / "refresh.yaml").read_text())
    values = yaml.safe_load((chart / "values.yaml").read_text())
    account = refresh["spec"]["serviceAccountName"]
    assert f"[${{var.namespace}}/{account}]" in text(INFRA / "modules" / "identity")
    assert "annotations" in values["serviceAccount"]
    commands = text(EXAMPLE)
    assert r"serviceAccount.annotations.iam\.gke\.io/gcp-service-account=" in commands
    assert "--set parameters.store=${local.store}" in commands
    assert "store" in values["parameters"]


def test_the_example_sets_variables_that_exist() -> None:
    example = (EXAMPLE / "terraform.tfvars.example").read_text()
    variables = blocks("variable", EXAMPLE)
    required = {name for name, body in variables.items() if "default" not in arguments(body)}
    assert set(re.findall(r"^(\w+)\s+=", example, re.MULTILINE)) == required
    assert set(re.findall(r"^# (\w+)\s+=", example, re.MULTILINE)) <= set(variables)
