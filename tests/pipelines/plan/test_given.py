"""Parameters given with -p: their names and their values."""

import pytest

from tests.pipelines.conftest import WriteFleet
from tests.pipelines.plan.conftest import Told, problems

PARAMETERS = [
    ("train-gpus=three", "-p train-gpus: 'three' is wrong: "),
    ("evaluate-gpus=one", "-p evaluate-gpus: 'one' is wrong: "),
    ("train-gpus=1.5", "-p train-gpus: '1.5' is wrong: "),
    ("train-gpus=99999", "-p train-gpus: '99999' is wrong: "),
    ("train-gpu=1", "-p train-gpu: the workflow has no such parameter; did you mean train-gpus?"),
    ("train-memory=4 gigs", "-p train-memory: '4 gigs' is wrong: "),
    ("gpu-pool=a b", "-p gpu-pool: 'a b' is wrong: "),
    ("gpu-memory=1", "-p gpu-memory: set placement.gpu_memory in the fleet file"),
    ("crawl-publisher=us", "the workflow has no such parameter; did you mean crawl-publishers?"),
    ("crawl-processes=many", "-p crawl-processes: 'many' is wrong: "),
    ("crawl-processes=1e9", "-p crawl-processes: '1e9' is wrong: "),
    ("crawl-check-training-opt-out=perhaps", "-p crawl-check-training-opt-out: 'perhaps' is wrong"),
    ("crawl-capture-days-after=400", "-p crawl-capture-days-after: '400' is wrong: "),
    ("crawl-ccnews-server=ftp://x/", "-p crawl-ccnews-server: 'ftp://x/' is wrong: "),
    ("curate-min-characters=x", "-p curate-min-characters: 'x' is wrong"),
    ("train-epochs=3", "-p train-epochs: each family has its own; set train.epochs in the fleet"),
    ("pack-token-budget=1B", "each family has its own; set pack.token_budget in the fleet file"),
    ("epochs=3", "-p epochs: each family has its own; set train.epochs in the fleet file"),
    ("train.epochs=3", "each family has its own; set train.epochs in the fleet file"),
    ("seed=1", "each family has its own; set train.seed in the fleet file"),
    ("eval_data=x", "-p eval_data: set eval_data in the fleet file"),
    ("controls=s1", "-p controls: set controls in the fleet file"),
    (
        "gpus=1",
        "did you mean evaluate-gpus or train-gpus? perennial parameters FLEET lists them",
    ),
    ("memory=1Gi", "did you mean data-memory or evaluate-memory or train-memory? perennial"),
    ("pool=x", "did you mean cpu-pool or gpu-pool? perennial parameters FLEET lists them"),
    ("train_gpus=1", "no such parameter; did you mean train-gpus? perennial parameters FLEET"),
    ("TRAIN-GPUS=1", "no such parameter; did you mean train-gpus? perennial parameters FLEET"),
    ("placement.train_gpus=1", "did you mean train-gpus? perennial parameters FLEET"),
    ("prices.gpu=1", "-p prices.gpu: set it in the fleet file"),
    ("families[0].name=x", "-p families[0].name: set it in the fleet file"),
    ("crawl.publishers=us", "did you mean crawl-publishers? perennial parameters FLEET lists"),
    ("quux=1", "-p quux: the workflow has no such parameter; perennial parameters FLEET lists"),
    ("familes=[]", "no such parameter; perennial parameters FLEET lists them"),
    ("Registry=x", "-p Registry: the workflow has no such parameter; did you mean registry?"),
    ('tasks=["piqaa"]', "-p tasks: the suite demo has no task 'piqaa'; did you mean piqa?"),
    ("tasks=piqa", "-p tasks: 'piqa' is wrong: expected a list such as [\"piqa\"]"),
    ("tasks=[piqa]", "-p tasks: its value is not JSON"),
    ("tasks=[]", "-p tasks: '[]' is wrong: expected a list such as"),
    ('tasks={"piqa": 1}', "is wrong: expected a list such as"),
    (
        "crawl-settings-digest=abc",
        "-p crawl-settings-digest: it is made from the settings of crawl; leave it out",
    ),
    (
        "curate-settings-digest=",
        "-p curate-settings-digest: it is made from the settings of curate; leave it out",
    ),
    ("fleet=x", "-p fleet: it is the fleet's name; set name in the fleet file"),
    ("suite=paper", "-p suite: set suite in the fleet file"),
    ("suite-definition=paper", "it is made from the suite; set suite in the fleet file"),
    ("families=[]", "-p families: set families in the fleet file"),
    ("train-gpus", "-p train-gpus: expected NAME=VALUE"),
    ("=3", "-p =3: expected NAME=VALUE"),
    ("", "-p '': expected NAME=VALUE"),
    ("registry=a{{b", "-p registry: it has {{, which begins a workflow's tag"),
    ("period=2026", "-p period: '2026' is wrong: expected a month such as 2026-10"),
    ("run=A", "-p run: 'A' is wrong: expected a name of at most 100 small letters, digits, dots"),
    ("store=s3:/b", "-p store: URI 's3:/b' "),
    ("bundle-from=/no/such/folder", "-p bundle-from: there is no folder '/no/such/folder'"),
]


@pytest.mark.parametrize(("given", "says"), PARAMETERS)
def test_parameters(write_sound: WriteFleet, told: Told, given: str, says: str) -> None:
    (problem,) = problems(told(write_sound(), given))
    assert says in problem


@pytest.mark.parametrize(
    "given",
    ["train-gpus=0", "train-gpus=4", "crawl-publishers=us,uk", "crawl-publishers=",
     'tasks=["piqa"]', "registry=ghcr.io/me", "train-memory=1.5Ti", "curate-min-characters=1"],
)  # fmt: skip
def test_parameters_that_a_step_takes(write_sound: WriteFleet, told: Told, given: str) -> None:
    assert problems(told(write_sound(), given)) == []
