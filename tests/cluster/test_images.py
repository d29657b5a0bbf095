"""The images of train and evaluate, as their pods run them: confined, and nothing is compiled."""

import io
import json
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Images, Namespace
from tests.jobs.evaluate.conftest import TEXT, sealed
from tests.jobs.evaluate.pico import commit_model
from tests.support.hub_mirror import write_paper_mirror
from tests.support.pico import SENTENCE, commit_articles, commit_llama, run_job

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(3600)]

LOOK = """id -u
for name in cc c++ gcc g++ clang ld as make ninja nvcc pip; do command -v $name; done
python -v -c "import jobs.$JOB.work" 2>&1 | grep '^# code object from .*[.]py$'
cat /tmp/out/manifest.json"""
"""Who it is; the compilers it has; what Python compiles at the start; what came out."""
PHASE = "jsonpath={.status.phase}"
ENDED = ("Succeeded", "Failed")
CONFINED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}


def training(root: Path) -> list[str]:
    """Inputs below `root`; flags for two processes."""
    commit_articles(f"{root}/articles", [SENTENCE] * 20)
    commit_llama(f"{root}/model", root / "scratch")
    words = [f"--articles={root}/articles", f"--tokenizer={root}/model", "--sequence-length=32"]
    packed = run_job("pack", *words, f"--out={root}/rows")
    assert packed.returncode == 0, packed.stderr
    return ["--rows=/tmp/rows", "--objective=cpt", "--batch-rows=2", "--processes=2"]


def evaluation(root: Path) -> list[str]:
    """Inputs below `root`; flags."""
    commit_model(root / "model", TEXT, chat=True, max_position_embeddings=1024)
    sealed(root / "bundle", "demo", write_paper_mirror(root / "mirror"))
    return ["--bundle=/tmp/bundle", "--task=ifeval"]


def archive(root: Path) -> bytes:
    """The artifacts below `root`."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in ("model", "rows", "bundle"):
            if (root / name).exists():
                tar.add(root / name, name)
    return packed.getvalue()


def pod(image: str, flags: list[str]) -> dict[str, Any]:
    """Unpacks the inputs, does the job, and tells what it is and what came out."""
    mounts = [{"name": "tmp", "mountPath": "/tmp"}, {"name": "given", "mountPath": "/given"}]
    common = {"image": image, "securityContext": CONFINED, "volumeMounts": mounts}
    unpack = ["python", "-m", "tarfile", "-e", "/given/inputs.tar.gz", "/tmp"]
    given = ["--model=/tmp/model", "--out=/tmp/out", *flags]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "job"},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}
            },
            "volumes": [
                {"name": "tmp", "emptyDir": {}}, {"name": "given", "configMap": {"name": "inputs"}}
            ],
            "initContainers": [
                common | {"name": "unpack", "command": unpack},
                common | {"name": "work", "args": given},
            ],
            "containers": [common | {"name": "look", "command": ["sh", "-c", LOOK]}],
        },
    }  # fmt: skip


@pytest.mark.parametrize(("job", "prepare"), [("train", training), ("evaluate", evaluation)])
def test_it_works_confined_and_compiles_nothing(
    images: Images,
    namespace: Namespace,
    tmp_path: Path,
    job: str,
    prepare: Callable[[Path], list[str]],
) -> None:
    flags = prepare(tmp_path)
    (tmp_path / "inputs.tar.gz").write_bytes(archive(tmp_path))
    (tmp_path / "pod.json").write_text(json.dumps(pod(images.of(job), flags)))
    given = f"--from-file={tmp_path}/inputs.tar.gz"
    namespace.kubectl("create", "configmap", "inputs", given)
    namespace.kubectl("create", "-f", str(tmp_path / "pod.json"))
    deadline = time.monotonic() + 900
    while (phase := namespace.kubectl("get", "pod/job", "-o", PHASE)) not in ENDED:
        assert time.monotonic() < deadline, namespace.kubectl("describe", "pod/job")
        time.sleep(2)
    said = namespace.kubectl("logs", "job", "--all-containers", "--ignore-errors")
    assert phase == "Succeeded", said
    before, brace, manifest = namespace.kubectl("logs", "job", "-c", "look").partition("{")
    assert before == "65532\n"
    assert json.loads(brace + manifest)["producer"]["job"] == job
