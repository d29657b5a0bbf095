"""All that would make a run fail is told before it, at once: tables of each kind."""

import os
import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from jobs.artifacts.manifest import Work
from jobs.artifacts.writing import ArtifactWriter
from jobs.errors import BadInputError, BadInputsError, TransientError
from jobs.store.prefix import Prefix
from pipelines.commands.parameters import WORKFLOW, run_parameters
from pipelines.fleet.reading import read_fleet
from pipelines.local.workflow import WorkflowTemplate, read_workflow
from pipelines.plan.intent import Intent
from pipelines.plan.mirror import Mirror
from pipelines.plan.models import know_models
from pipelines.plan.plan import Plan, make_plan
from pipelines.plan.preflight import Models, Preflight, preflight
from pipelines.plan.room import Training
from pipelines.plan.store_look import look_at_store
from tests.pipelines.conftest import WriteFleet, runnable
from tests.pipelines.plan.conftest import LLAMA, LLAMA_PARAMETERS
from tests.support.hub import Hub

Told = Callable[..., Preflight]


@pytest.fixture(scope="module")
def workflow() -> WorkflowTemplate:
    return read_workflow(WORKFLOW)


@pytest.fixture(name="write_fleet")
def write_runnable_fleet(write_fleet: WriteFleet, folders_of_fleet: None) -> WriteFleet:
    return runnable(write_fleet)


@pytest.fixture
def told(tmp_path: Path, workflow: WorkflowTemplate) -> Told:
    """What is told of a fleet file; most of it without a plan, which takes half a second."""

    def tell(
        path: Path, *given: str, period: str = "2026-10", store: str = "", plan: bool = False
    ) -> Preflight:
        fleet = read_fleet(path)
        parameters = run_parameters(fleet, period, store or str(tmp_path / "s"), None, given)
        intent = Intent.of(path, fleet, workflow, parameters, given)

        def make(models: Models, mirror: Mirror) -> Plan | None:
            if not plan:
                return None
            return make_plan(fleet, workflow, parameters, models=models, mirror=mirror)

        return preflight(intent, make, print)

    return tell


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub of this machine is waited for, however busy the machine is."""
    asked = partial(know_models, max_hub_seconds=60)
    monkeypatch.setattr("pipelines.plan.preflight.know_models", asked)


def problems(found: Preflight) -> list[str]:
    try:
        found.refuse()
    except BadInputsError as error:
        return list(error.lines)
    return []


def test_what_could_run_is_not_refused(write_fleet: WriteFleet, told: Told, tmp_path: Path) -> None:
    found = told(write_fleet(), plan=True)
    assert problems(found) == []
    assert found.plan is not None
    (note,) = [note for note in found.notes if not note.startswith("--store: its disk has")]
    assert note.startswith("not known whether the hub has 'owner/pico-1B-instruct', ")
    assert note.endswith("and 3 more: HF_HUB_OFFLINE forbids to ask the hub")
    assert not (tmp_path / "s").exists()


NOW = datetime.now(UTC)
PERIODS = [
    (f"{NOW:%Y-%m}", "is not over before 2"),
    (f"{NOW + timedelta(days=32):%Y-%m}", "is not over before 2"),
    ("2999-12", "is not over before 3000-01-01; what is crawled now would stand for all of it"),
    ("2016-07", "is before the archives of CC-NEWS begin; the first month is 2016-08"),
    ("2000-01", "is before the archives of CC-NEWS begin; the first month is 2016-08"),
]


@pytest.mark.parametrize(("period", "says"), PERIODS)
def test_periods(write_fleet: WriteFleet, told: Told, period: str, says: str) -> None:
    (problem,) = problems(told(write_fleet(), period=period))
    assert problem.startswith(f"--period: {period} {says}")
    (problem,) = problems(told(write_fleet(), f"period={period}"))
    assert problem.startswith(f"-p period: {period} {says}")


@pytest.mark.parametrize("period", ["2016-08", f"{NOW.replace(day=1) - timedelta(days=1):%Y-%m}"])
def test_periods_that_can_be_crawled(write_fleet: WriteFleet, told: Told, period: str) -> None:
    assert problems(told(write_fleet(), period=period)) == []


def test_articles_that_are_there_are_not_crawled_again(
    write_fleet: WriteFleet, told: Told, tmp_path: Path
) -> None:
    """As they were made with other settings, only that is told."""
    path = write_fleet("[us, uk]", "[us, nowhere]")
    found = told(path, plan=True)
    assert found.plan is not None
    out = next(one.step.inputs["out"] for one in found.plan.steps if one.step.job == "crawl")
    writer = ArtifactWriter(
        Prefix(out), Work(kind="articles", producer="another 1", settings={}, inputs={}), {}
    )
    writer.write("a", b"a")
    writer.commit({"kept": 1})
    (problem,) = problems(told(path, plan=True))
    assert problem.startswith("crawl would refuse: ")
    assert problem.endswith("choose another --store, or delete what is there")


PUBLISHERS = [
    ("[ukk]", "'ukk' is unknown to Fundus; did you mean uk?"),
    ("[US]", "'US' is unknown to Fundus; did you mean us?"),
    ("[us.TheIntercpt]", "did you mean us.TheIntercept?"),
    ("[TheGuardien]", "did you mean TheGuardian?"),
    ("[uk.TheIntercept]", "'uk.TheIntercept' is unknown to Fundus; did you mean us.TheIntercept?"),
    ("[al]", "did you mean all?"),
    ("[zzzzzz]", "'zzzzzz' is unknown to Fundus; countries are at,au,be,ca,"),
    ("[us.]", "'us.' is unknown to Fundus; did you mean us?"),
    ("[us.uk]", "'us.uk' is unknown to Fundus"),
    ("['*']", "'*' is unknown to Fundus"),
    ("[BBC News]", "'BBC News' is unknown to Fundus; "),
]


@pytest.mark.parametrize(("publishers", "says"), PUBLISHERS)
def test_publishers(write_fleet: WriteFleet, told: Told, publishers: str, says: str) -> None:
    path = write_fleet("[us, uk]", publishers)
    (problem,) = problems(told(path))
    assert problem.startswith(f"{path}:6:15: crawl.publishers: ")
    assert says in problem


def test_each_unknown_publisher_is_told(write_fleet: WriteFleet, told: Told) -> None:
    found = problems(told(write_fleet(), "crawl-publishers=us,ukk,xx,all"))
    assert [line.split(";")[0] for line in found] == [
        "-p crawl-publishers: 'ukk' is unknown to Fundus",
        "-p crawl-publishers: 'xx' is unknown to Fundus",
    ]


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


FOLDERS: list[tuple[str, Callable[[Path], object], str]] = [
    ("./family/bass", lambda _: None, "there is no folder {tmp}/family/bass"),
    ("../none", lambda _: None, "there is no folder {up}/none"),
    ("/no/such/folder", lambda _: None, "there is no folder /no/such/folder"),
    ("./family/base/config.json", lambda _: None, "there is no folder {tmp}/family/base/config.j"),
    ("family/base/x", lambda _: None, "'family/base/x' is neither a folder nor a hub id"),
    ("base", lambda _: None, "'base' is neither a folder nor a hub id (owner/name)"),
    ("owner name/model", lambda _: None, "'owner name/model' is neither a folder nor a hub id"),
    ("./family/base", without("config.json"), "family/base is no model: it has no config.json"),
    ("./family/base", without("model.safetensors"), "has no model*.safetensors"),
    ("./family/base", without("tokenizer.json"), "has no tokenizer: expected tokenizer.json"),
    ("./family/base", lambda folder: (folder / "model.safetensors").write_bytes(b"9"), "1 bytes"),
    ("./family/base", lambda folder: (folder / "config.json").write_text("{"), "config.json"),
    ("./family", lambda _: None, "{tmp}/family is no model: no file lies right below it; "),
    ("./family/base, revision: main", lambda _: None, "is no id of the hub, and has no revision;"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "change", "says"), FOLDERS)
def test_folders(
    write_fleet: WriteFleet, told: Told, tmp_path: Path,
    source: str, change: Callable[[Path], object], says: str,
) -> None:  # fmt: skip
    path = write_fleet("./family/base", source)
    change(tmp_path / "family/base")
    (problem,) = problems(told(path))
    assert problem.startswith(f"{path}:19:18: families[0].base.from: ")
    assert says.format(tmp=tmp_path, up=tmp_path.parent) in problem


def test_data_of_the_suite_that_is_not_there(write_fleet: WriteFleet, told: Told) -> None:
    path = write_fleet("./eval-data", "./evil-data")
    (problem,) = problems(told(path))
    assert problem.startswith(f"{path}:3:12: eval_data: there is no folder")


@pytest.mark.usefixtures("patient")
def test_the_hub(write_fleet: WriteFleet, told: Told, hub: Hub) -> None:
    """One is there, one gated, the others not: each is told with its line; all are asked once."""
    hub.holds("owner/pico-1B-instruct", 1000, {"model.safetensors": 2000})
    hub.answers["/api/models/owner/pico-1B-instruct/revision/abc"] = hub.answers.pop(
        "/api/models/owner/pico-1B-instruct"
    )
    hub.answers["/api/models/owner/chatty"] = (403, b"")
    path = write_fleet()
    found = problems(told(path))
    assert f"{path}:22:30: families[0].derived[0].from: owner/chatty is gated: accept" in found[0]
    assert [line.split(": ")[0:2] for line in found[1:]] == [
        [f"{path}:25:22", "families[0].siblings[0].base.from"],
        [f"{path}:26:26", "families[0].siblings[0].instruct.from"],
        [f"{path}:30:18", "families[1].base.from"],
        [f"{path}:31:22", "families[1].instruct.from"],
    ]
    assert all("the hub has no model owner/" in line for line in found[1:])


SAME = [
    ("owner/nano-8B-instruct", "owner/nano-8B", "families[1].instruct.from",
     "'owner/nano-8B' is the base, too; give its instruct twin"),
    ("owner/nano-8B-instruct", "Owner/NANO-8b", "families[1].instruct.from", "is the base, too"),
    ("owner/pico-1B-instruct, revision: abc", "./family/base", "families[0].instruct.from",
     "is the base, too; give its instruct twin"),
    ("owner/pico-1B-instruct, revision: abc", "./family/../family/base/",
     "families[0].instruct.from", "is the base, too"),
    ("owner/older-instruct", "owner/older", "families[0].siblings[0].instruct.from",
     "'owner/older' is the base, too"),
    ("owner/chatty", "./family/base", "families[0].derived[0].from",
     "is the family's base, whose candidate would be the instruct model again"),
    ("owner/chatty", "owner/pico-1B-instruct, revision: abc", "families[0].derived[0].from",
     "is the family's instruct model, which holds the residual already"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "where", "says"), SAME)
def test_two_models_that_are_one(
    write_fleet: WriteFleet, told: Told, old: str, new: str, where: str, says: str
) -> None:
    (problem,) = problems(told(write_fleet(f"from: {old}}}", f"from: {new}}}")))
    assert f": {where}: " in problem
    assert says in problem


def test_siblings_and_families_that_are_others(write_fleet: WriteFleet, told: Told) -> None:
    path = write_fleet()
    text = path.read_text()
    older = "      - name: older\n        base: {from: owner/older}\n"
    older += "        instruct: {from: owner/older-instruct}\n"
    assert older in text
    nano = text[text.index("  - name: nano") : text.index("placement")]
    text = text.replace(older, older + older.replace("older\n", "oldest\n", 1))
    text = text.replace(
        nano,
        nano
        + nano.replace("name: nano", "name: nano2").replace("release: nano-chat", "release: n2"),
    )
    path.write_text(text)
    sibling, family = problems(told(path))
    assert "families[0].siblings[1].instruct.from: base and instruct are those of the sibling" in (
        sibling
    )
    assert "families[2].base.from: base, instruct and settings are those of the family nano" in (
        family
    )
    path.write_text(text.replace("release: n2", "release: n2\n    train: {epochs: 7}"))
    assert len(problems(told(path))) == 1  # one that tries other settings is a family


PARAMETERS = [
    ("train-gpus=three", "-p train-gpus: 'three' is wrong: "),
    ("evaluate-gpus=one", "-p evaluate-gpus: 'one' is wrong: "),
    ("train-gpus=1.5", "-p train-gpus: '1.5' is wrong: "),
    ("train-gpus=99999", "-p train-gpus: '99999' is wrong: "),
    ("train-gpu=1", "-p train-gpu: the workflow has no such parameter; did you mean train-gpus?"),
    ("train-memory=4 gigs", "-p train-memory: '4 gigs' is wrong: "),
    ("gpu-pool=a b", "-p gpu-pool: 'a b' is wrong: "),
    ("gpu-memory=1", "-p gpu-memory: the workflow has no such parameter; "),
    ("crawl-publisher=us", "the workflow has no such parameter; did you mean crawl-publishers?"),
    ("crawl-processes=many", "-p crawl-processes: 'many' is wrong: "),
    ("crawl-processes=1e9", "-p crawl-processes: '1e9' is wrong: "),
    ("crawl-check-training-opt-out=perhaps", "-p crawl-check-training-opt-out: 'perhaps' is wrong"),
    ("crawl-capture-days-after=400", "-p crawl-capture-days-after: '400' is wrong: "),
    ("crawl-ccnews-server=ftp://x/", "-p crawl-ccnews-server: 'ftp://x/' is wrong: "),
    ("curate-min-characters=x", "-p curate-min-characters: 'x' is wrong"),
    ("train-epochs=3", "-p train-epochs: each family has its own; set train.epochs in the fleet"),
    ("pack-token-budget=1B", "each family has its own; set pack.token_budget in the fleet file"),
    ("epochs=3", "-p epochs: the workflow has no such parameter; "),
    ("Registry=x", "-p Registry: the workflow has no such parameter; did you mean registry?"),
    ('tasks=["piqaa"]', "-p tasks: the suite demo has no task 'piqaa'; did you mean piqa?"),
    ("tasks=piqa", "-p tasks: 'piqa' is wrong: expected a list such as [\"piqa\"]"),
    ("tasks=[piqa]", "-p tasks: its value is not JSON"),
    ("tasks=[]", "-p tasks: '[]' is wrong: expected a list such as"),
    ('tasks={"piqa": 1}', "is wrong: expected a list such as"),
    ("bundle-from=/no/such/folder", "-p bundle-from: there is no folder '/no/such/folder'"),
]


@pytest.mark.parametrize(("given", "says"), PARAMETERS)
def test_parameters(write_fleet: WriteFleet, told: Told, given: str, says: str) -> None:
    (problem,) = problems(told(write_fleet(), given))
    assert says in problem


@pytest.mark.parametrize(
    "given",
    ["train-gpus=0", "train-gpus=4", "crawl-publishers=us,uk", "crawl-publishers=",
     'tasks=["piqa"]', "registry=ghcr.io/me", "train-memory=1.5Ti", "curate-min-characters=1"],
)  # fmt: skip
def test_parameters_that_a_step_takes(write_fleet: WriteFleet, told: Told, given: str) -> None:
    assert problems(told(write_fleet(), given)) == []


STORES = [
    ("{tmp}/fleet.yaml", "is in its place; choose a folder that can"),
    ("{tmp}/fleet.yaml/x", "is in its place; choose a folder that can"),
    ("/proc/x", "store /proc/x cannot be written: Operation not permitted"),
    ("/sys/x/y", "store /sys/x/y cannot be written: "),
    ("/dev/null", "is in its place"),
    ("{tmp}/dangling", "a file, or a link that leads nowhere, is in its place"),
    ("az://container/x", "store az://container/x cannot be opened: "),
]


@pytest.mark.parametrize(("store", "says"), STORES)
def test_stores(
    write_fleet: WriteFleet, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    store: str, says: str,
) -> None:  # fmt: skip
    for name in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere/x")
    (problem,) = problems(told(write_fleet(), store=store.format(tmp=tmp_path)))
    assert problem.startswith("--store: store ")
    assert says in problem
    assert "\n" not in problem


def test_a_bucket_that_is_not_there(write_fleet: WriteFleet, told: Told, s3_store: str) -> None:
    assert problems(told(write_fleet(), store=s3_store)) == []
    (problem,) = problems(told(write_fleet(), store="s3://there-is-no-such-bucket/x"))
    assert problem.startswith("--store: there is no bucket for s3://there-is-no-such-bucket/x")


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that accepts and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("endpoint", ["silent", "http://127.0.0.1:9", "http://no-such.invalid"])
def test_a_store_that_does_not_answer(
    silent: str, monkeypatch: pytest.MonkeyPatch, s3_store: str, endpoint: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", silent if endpoint == "silent" else endpoint)
    said: list[str] = []
    with pytest.raises(TransientError, match=f"the store {s3_store} did not answer within 1.5 s"):
        look_at_store(s3_store, said.append, said_after=0.5, given_up_after=1.5)
    assert said == [f"the store {s3_store} has not answered for 0.5 s; given up after 1.5 s"]


def test_a_store_that_failed_hides_no_other_problem(
    write_fleet: WriteFleet, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise TransientError("the store s3://b/x did not answer")

    monkeypatch.setattr("pipelines.plan.preflight.look_at_store", fails)
    with pytest.raises(TransientError, match="did not answer"):
        told(write_fleet(), store="s3://b/x").refuse()
    found = problems(told(write_fleet(), period="2999-01", store="s3://b/x"))
    assert [line.split(":")[0] for line in found] == ["--period", "the store s3"]


LLAMA_TRAINING = Training(LLAMA_PARAMETERS, 8, 2, 1, 4096, 4096, 32, 128256)


@pytest.mark.parametrize(
    ("training", "state", "rows"),
    [
        # By hand: 2N + (2 + 12)N/8; 4096·(34·4096·32 + 10·128256).
        (LLAMA_TRAINING, 30_113_479_680, 23_506_976_768),
        (Training(10**9, 1, 1, 1, 8), 16e9, 0),
        (Training(10**9, 4, 1, 1, 8), 7e9, 0),
        (Training(10**9, 4, 2, 1, 8), 5.5e9, 0),
        (Training(10**9, 4, 3, 1, 8), 4e9, 0),
        (Training(1, 1, 3, 2, 8, 10, 3, 7), 16, 2 * 8 * (34 * 10 * 3 + 70)),
    ],
)
def test_memory_of_a_training(training: Training, state: float, rows: int) -> None:
    assert (training.state_bytes, training.row_bytes) == (state, rows)


@pytest.mark.parametrize(
    ("memory", "train", "says"),
    [
        ("141G", "", []),
        ("80GiB", "", ["on train.processes 1, more for train.micro_batch_rows 1 of 256 tokens)"]),
        ("80GiB", "{processes: 8}", []),
        ("24GiB", "{processes: 8}", ["training nano needs at least 30 GB"]),
        ("24GiB", "{processes: 8, zero_stage: 3}", []),
        ("15G", "{processes: 8, zero_stage: 3}", [
            "training nano needs at least 16 GB",
            "evaluating nano/base needs at least 17.1 GB of one GPU's memory, and it has 15 GB",
            "evaluating nano/instruct needs at least 17.1 GB"]),
        ("15G", "{processes: 64, zero_stage: 3}", ["evaluating nano/base", "nano/instruct"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_a_gpu(
    write_fleet: WriteFleet, told: Told, memory: str, train: str, says: list[str]
) -> None:
    train = f"\n    train: {train}" if train else ""
    path = write_fleet("release: nano-chat", f"release: nano-chat{train}")
    path.write_text(re.sub(r"gpu_memory: \w+", f"gpu_memory: {memory}", path.read_text()))
    found = problems(told(path))
    assert len(found) == len(says), found
    assert all(part in line for part, line in zip(says, found, strict=True)), found


@pytest.mark.usefixtures("patient")
def test_a_config_counts_the_rows(
    write_fleet: WriteFleet, told: Told, hub: Hub, workflow: WorkflowTemplate
) -> None:
    for name in ("owner/nano-8B", "owner/nano-8B-instruct"):
        hub.holds(name, LLAMA_PARAMETERS, {"model.safetensors": 16 * 10**9}, **LLAMA)
    path = write_fleet("sequence_length: 256", "sequence_length: 32768")
    text = path.read_text().replace("release: nano-chat", "release: n\n    train: {processes: 8}")
    path.write_text(text)
    nano = [line for line in problems(told(path)) if "nano" in line]
    assert len(nano) == 1
    assert "needs at least 218 GB of each GPU's memory (30.1 GB for 8.03 billion" in nano[0]
    assert "188 GB for train.micro_batch_rows 1 of 32768 tokens), and it has 141 GB" in nano[0]


def test_everything_at_once(write_fleet: WriteFleet, told: Told, tmp_path: Path) -> None:
    path = write_fleet("[us, uk]", "[ukk]")
    text = path.read_text().replace("./family/base", "./none").replace("./eval-data", "./no")
    path.write_text(text)
    found = problems(told(path, "train-gpus=x", "y=1", period="2999-01", store=str(path)))
    assert [line.replace(str(tmp_path), "").split(": ")[0] for line in found] == [
        "-p train-gpus", "-p y", "--store", "--period", "/fleet.yaml:6:15", "/fleet.yaml:3:12",
        "/fleet.yaml:19:18",
    ]  # fmt: skip


def test_a_disk_with_too_little_room_is_told(
    write_fleet: WriteFleet, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not refused: what a run adds is an estimate."""
    path = write_fleet()
    real = os.statvfs(path)

    def with_free(num_bytes: int) -> Preflight:
        values = [*real[:4], num_bytes // real.f_frsize, *real[5:]]
        monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(values))
        return told(path, plan=True)

    assert not any("free" in note for note in with_free(2**50).notes)
    found = with_free(2**30)
    assert problems(found) == []
    assert found.notes[-1].startswith("--store: its disk has 1.07 GB free, and the run adds about ")


def test_a_probe_leaves_nothing(store: str) -> None:
    Prefix(store).probe()
    assert list(Prefix(store).list()) == []


def test_a_probe_of_what_takes_no_writes(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match="is in its place"):
        Prefix(tmp_path / "file").probe()
