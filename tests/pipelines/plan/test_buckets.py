"""Models and data sets in buckets: known before a run as those in folders are."""

import re
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.errors import BadInputError
from jobs.store.failures import Patience
from jobs.store.prefix import Prefix
from pipelines.commands.refreshing import intended
from pipelines.fleet.reading import read_fleet
from pipelines.plan.models import fleet_models
from pipelines.plan.plan import make_plan
from pipelines.plan.preflight import Preflight, preflight
from tests.jobs.ingest.sources import ingest, sharded
from tests.pipelines.plan.conftest import problems
from tests.support.buckets import upload
from tests.support.pico import commit, write_llama

FLEET = """\
name: small
suite: demo
eval_data: {bucket}/mirror
crawl: {{publishers: [us], check_training_opt_out: false}}
pack: {{sequence_length: 64}}
placement: {{train_gpus: 0, evaluate_gpus: 0}}
families:
  - name: pico
    base: {{from: {bucket}/base}}
    instruct: {{from: {bucket}/instruct}}
"""


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llama(tmp_path_factory.mktemp("pico") / "llama")


@pytest.fixture
def fleet(llama: Path, tmp_path: Path, s3_store: str) -> Path:
    """A fleet file of which all is in one bucket."""
    shutil.copytree(llama, tmp_path / "base")
    sharded(tmp_path / "base")
    upload(tmp_path / "base", f"{s3_store}/base")
    upload(llama, f"{s3_store}/instruct")
    Prefix(f"{s3_store}/mirror").write("a/b/test.jsonl", b"12345")
    file = tmp_path / "fleet.yaml"
    file.write_text(FLEET.format(bucket=s3_store))
    return file


def told(file: Path, store: Path, *given: str) -> Preflight:
    intent = intended(file, "2026-10", str(store), None, given)
    known = intent.fleet, intent.workflow, intent.parameters
    return preflight(
        intent,
        lambda models, mirror: make_plan(*known, models=models, mirror=mirror, processes=2),
        print,
    )


def test_all_in_a_bucket(fleet: Path, llama: Path, tmp_path: Path) -> None:
    """By headers and listings alone; then what lies in the store is not fetched again."""
    found = told(fleet, tmp_path / "store")
    assert problems(found) == []
    assert found.plan is not None
    base, instruct = found.plan.models.values()
    shards = [path.stat().st_size for path in (tmp_path / "base").glob("model-*.safetensors")]
    assert len(shards) == 2
    assert (base.known_from, base.weight_bytes, base.bytes_to_fetch) == (
        "bucket", sum(shards), sum(shards),
    )  # fmt: skip
    single = (llama / "model.safetensors").stat().st_size
    assert (instruct.weight_bytes, instruct.parameters) == (single, base.parameters)
    assert base.config is not None
    assert base.config["model_type"] == "llama"
    fetched = {one.step.name: one.cost.fetched_bytes for one in found.plan.to_do}
    assert fetched["bundle"] == 5
    assert [fetched[f"family/pico/{name}"] for name in ("base", "instruct")] == [
        sum(shards), single,
    ]  # fmt: skip
    for name in ("base", "instruct"):
        ingest(f"{read_fleet(fleet).families[0].base.source.rpartition('/')[0]}/{name}",
               tmp_path / f"store/models/pico/{name}")  # fmt: skip
    found = told(fleet, tmp_path / "store")
    assert problems(found) == []
    assert found.plan is not None
    assert {facts.known_from for facts in found.plan.models.values()} == {"store"}
    Prefix(read_fleet(fleet).families[0].base.source).delete("config.json")
    (problem,) = problems(told(fleet, tmp_path / "store"))
    assert "/base is no model: it has no config.json" in problem


def test_the_model_of_another_store(fleet: Path, llama: Path, tmp_path: Path) -> None:
    bucket = read_fleet(fleet).families[0].base.source.removesuffix("/base")
    files = {path.name: path.read_bytes() for path in llama.iterdir()}
    for other in (f"{bucket}/other/models/pico/base", str(tmp_path / "other")):
        commit(other, "model", files)  # of a merge, say, which tells other statistics
        file = tmp_path / "other.yaml"
        file.write_text(fleet.read_text().replace(f"{bucket}/base", other))
        found = told(file, tmp_path / "store")
        assert problems(found) == []
        assert found.plan is not None
        base = next(iter(found.plan.models.values()))
        assert base.known_from == ("folder" if other.startswith("/") else "bucket")
        assert base.parameters == list(found.plan.models.values())[1].parameters
        size = (llama / "model.safetensors").stat().st_size
        assert (base.weight_bytes, base.bytes_to_fetch) == (
            size, 0 if other.startswith("/") else size,
        )  # fmt: skip


def test_merges_own_check(fleet: Path, llama: Path, tmp_path: Path) -> None:
    """Tokenizers are compared, which configs do not tell."""
    source = read_fleet(fleet).families[0].instruct.source
    text = (llama / "tokenizer.json").read_text()
    swapped = text.replace('"bread"', '"?"').replace('"nails"', '"bread"').replace('"?"', '"nails"')
    assert swapped != text
    Prefix(source).write("tokenizer.json", swapped.encode())
    (problem,) = problems(told(fleet, tmp_path / "store"))
    assert "tokens mean other rows in base " in problem


def without(name: str) -> Callable[[str], object]:
    return lambda uri: Prefix(uri).delete(name)


def with_file(name: str, data: bytes) -> Callable[[str], object]:
    return lambda uri: Prefix(uri).write(name, data)


def same(_: str) -> None:
    pass


SPOILT: list[tuple[str, str, Callable[[str], object], str]] = [
    ("", "", without("config.json"), "9:18: families[0].base.from: {base} is no model: it has"),
    ("", "", without("tokenizer.json"), "{base} has no tokenizer: expected tokenizer.json"),
    ("", "", without("model-00001-of-00002.safetensors"), "the download is not complete"),
    ("", "", with_file("config.json", b"{"), "{base}/config.json is not JSON"),
    ("", "", with_file("model-00001-of-00002.safetensors", b"9"),
     "{base}/model-00001-of-00002.safetensors is no safetensors file: 1 bytes"),
    ("/base}", "/bass}", same, "families[0].base.from: {base} is no model: no file lies"),
    ("/base}", "/base, revision: main}", same, "{base} is no id of the hub, and has no revision;"),
    ("/instruct}", "/base}", same, "10:22: families[0].instruct.from: "),
    ("/base}", "/news}", lambda uri: commit(uri.replace("/base", "/news"), "articles", {"a": b""}),
     "holds 'articles', expected 'model'"),
    ("/mirror", "/morror", same, "3:12: eval_data: nothing lies at {bucket}/morror"),
    ("{bucket}/mirror", "s3://no-such-bucket/x", same, "3:12: eval_data: there is no bucket for"),
    ("{bucket}/base", "s3://no-such-bucket/x", same, "base.from: there is no bucket for s3://no-su"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "spoil", "says"), SPOILT)
def test_what_a_run_would_fail_on(
    fleet: Path, tmp_path: Path, s3_store: str,
    old: str, new: str, spoil: Callable[[str], object], says: str,
) -> None:  # fmt: skip
    spoil(f"{s3_store}/base")
    text, old = fleet.read_text(), old.replace("{bucket}", s3_store)
    assert old in text
    fleet.write_text(text.replace(old, new, 1))
    (problem,) = problems(told(fleet, tmp_path / "store"))
    base = f"{s3_store}{new.removesuffix('}')}" if new.startswith("/bass") else f"{s3_store}/base"
    assert says.format(bucket=s3_store, base=base) in problem
    assert problem.startswith(str(fleet))


TYPOS = [
    ("s3:/bucket/x", "'s3:/bucket/x' looks like a URI; write s3://bucket/x, or ./s3:/bucket/x for"),
    ("s3//bucket/x", "looks like a URI; write s3://bucket/x"),
    ("S3://bucket/x", "has the unknown scheme 'S3'; write s3://bucket/x"),
    ("gcs://bucket/x", "has the unknown scheme 'gcs'; write gs://bucket/x"),
    ("hf://owner/name", "has the unknown scheme 'hf'; write s3://bucket/prefix, gs://"),
    ("s3://", "names no bucket; write s3://bucket/prefix"),
    ("s3://key:hunter2@bucket/x", "credentials belong in the environment"),
    ("s3://bucket/x?a=b", "credentials belong in the environment"),
    ("s3://bucket/../x", "has a step . or .."),
    ("~/models/base", "begins with ~, which only a shell replaces; write it out"),
    ("//models/base", "begins with //; write /models/base"),
]


@pytest.mark.parametrize(("source", "says"), TYPOS)
def test_typos_are_told_when_the_file_is_read(fleet: Path, source: str, says: str) -> None:
    text = fleet.read_text()
    for place, at in ((r"(?<=eval_data: )\S+", "3:12: eval_data: "),
                      (r"(?<=base: {from: )[^}]+", "9:18: families[0].base.from: ")):  # fmt: skip
        fleet.write_text(re.sub(place, source, text))
        with pytest.raises(BadInputError, match=re.escape(says)) as caught:
            read_fleet(fleet)
        assert at in str(caught.value)
        assert "hunter2" not in str(caught.value)


def test_a_uri_has_one_spelling(fleet: Path, tmp_path: Path) -> None:
    text = fleet.read_text()
    fleet.write_text(text.replace("/base}", "/base//}").replace("/instruct}", "/instruct/}"))
    assert [model.source for model in fleet_models(read_fleet(fleet))] == [
        re.findall(r"from: (\S+)}", text)[0], re.findall(r"from: (\S+)}", text)[1],
    ]  # fmt: skip
    fleet.write_text(re.sub(r"(?<=base: {from: )[^}]+", f"file://{tmp_path}/base/", text))
    assert fleet_models(read_fleet(fleet))[0].source == f"{tmp_path}/base"


def test_a_bucket_that_does_not_answer_is_said_and_not_waited_for(
    fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no problem of the fleet; a mirror's size is unknown, and hides nothing else."""
    for module in ("models", "mirror"):
        monkeypatch.setattr(f"pipelines.plan.{module}.OF_A_GLANCE", Patience(0.5, 0.5))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listening.getsockname()[1]}")
        begun = time.monotonic()
        found = told(fleet, tmp_path / "store")
        assert time.monotonic() - begun < 10
    assert problems(found) == []
    places = [
        note.partition(": what lies there is not known: store failed at s3://")
        for note in found.notes
    ]
    assert [place.rpartition(":")[2].strip() for place, said, _ in places if said] == [
        "eval_data", "families[0].base.from", "families[0].instruct.from",
    ]  # fmt: skip
    assert found.plan is not None
    (bundle,) = [one for one in found.plan.steps if one.step.job == "bundle"]
    assert bundle.cost.fetched_bytes is None
    assert re.fullmatch(r"the size of 's3://\S+/mirror'", bundle.cost.lacks)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (
            "s3:/bucket",
            "-p bundle-from: 's3:/bucket' looks like a URI; write s3://bucket, or ./s3:",
        ),
        ("S3://bucket", "-p bundle-from: 'S3://bucket' has the unknown scheme 'S3'; write s3://bu"),
        ("/no/such", "-p bundle-from: there is no folder '/no/such'"),
        ("owner/name", "-p bundle-from: there is no folder 'owner/name'"),
        ("s3://no-such-bucket/x", "-p bundle-from: there is no bucket for s3://no-such-bucket/x"),
    ],
)
def test_a_mirror_given_with_p(fleet: Path, tmp_path: Path, value: str, says: str) -> None:
    (problem,) = problems(told(fleet, tmp_path / "store", f"bundle-from={value}"))
    assert problem.startswith(says)
