"""Each kind of damage is one line; what may be meant is said and is no damage."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.artifacts.manifest import MANIFEST, Input
from jobs.artifacts.places import TOPS
from jobs.artifacts.reading import Artifact
from jobs.artifacts.releases import add
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix
from pipelines import layout
from pipelines.verify.verify import Verified, verify
from tests.jobs.report.fake_run import CANDIDATE, RUN, FakeRun
from tests.pipelines.test_cli import perennial
from tests.support.pico import commit

FAMILY = f"runs/{RUN}/pico"
CPT, MODEL = f"{FAMILY}/cpt", f"{FAMILY}/candidates/{CANDIDATE}"
MADE = "1 artifact was made from it"
RECORD = f"releases/{CANDIDATE}/000001.json"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine artifacts, of one file each, and a release."""
    store = tmp_path_factory.mktemp("whole") / "store"
    run = FakeRun(store)
    run.make_sources()
    report = run.make(f"{FAMILY}/report", ("report", "report"), {"cpt": CPT})
    model = Artifact.open(f"{store}/{MODEL}")
    facts = {"candidate": model.as_input(), "report": report.as_input()}
    add(Prefix(store / "releases"), CANDIDATE, decision="GO", reasons=(), **facts)
    return store


@pytest.fixture
def store(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "store"))


def lines(store: Path | str, *, deep: bool = True) -> list[str]:
    found = verify(Prefix(store), deep=deep, watch=lambda *_: None).findings
    return [f"{one.kind} {one.where}: {one.what}" for one in found]


def file_in(store: Path, artifact: str) -> Path:
    (found,) = (store / artifact).glob("attempt-*/content")
    return found


def test_a_whole_store(whole: Path) -> None:
    read: list[tuple[int, int]] = []
    found = verify(Prefix(whole), deep=True, watch=lambda *count: read.append(count))
    size = sum(path.stat().st_size for path in whole.glob("**/attempt-*/*"))
    assert found == Verified((), 9, 9, size, 1)
    assert sum(count for count, _ in read) == size
    assert {total for _, total in read} == {size}
    assert verify(Prefix(whole), deep=False, watch=lambda *_: pytest.fail("read")).num_wrong == 0


def grow(store: Path) -> None:
    file_in(store, CPT).write_text("longer than it was before")


def alter(store: Path) -> None:
    file = file_in(store, CPT)
    file.write_bytes(bytes(file.stat().st_size))


def remove(store: Path) -> None:
    file_in(store, CPT).unlink()


def write(path: str, text: str) -> Callable[[Path], object]:
    return lambda store: (store / path).write_text(text)


def delete(path: str) -> Callable[[Path], object]:
    return lambda store: (store / path).unlink()


def change(path: str, old: str, new: str) -> Callable[[Path], object]:
    def changed(store: Path) -> None:
        text = (store / path).read_text()
        assert old in text
        (store / path).write_text(text.replace(old, new, 1))

    return changed


def remake(path: str) -> Callable[[Path], object]:
    def remade(store: Path) -> None:
        shutil.rmtree(store / path)
        commit(f"{store}/{path}", "model", {"content": b"other"})

    return remade


# What is done to the store → what each line of the finding must hold.
DAMAGE: dict[str, tuple[Callable[[Path], object], list[list[str]]]] = {
    "a file grew": (grow, [[f"{CPT}/attempt-", "/content: 25 bytes, expected 21; bring back"]]),
    "a file vanished": (remove, [["/content: missing, expected 21 bytes; bring back the"]]),
    "a bit flipped": (alter, [["/content: corrupt, its blake3 is ", "manifest.json and run its"]]),
    "a manifest was cut": (
        write(f"{CPT}/{MANIFEST}", '{"kind":'), [[f"{CPT}: {CPT}/{MANIFEST} is not a manifest"]]
    ),
    "a manifest was altered": (
        change(f"{CPT}/{MANIFEST}", '"bytes": 21', '"bytes": 22'),
        [[f"{CPT}/{MANIFEST} was altered: its digest is not that of its files; bring it back"]],
    ),
    "a manifest is a newer one's": (
        change(f"{CPT}/{MANIFEST}", '_version": 4', '_version": 9'), [["schema_version 9 is none"]]
    ),
    "an input that leads out": (
        change(f"{CPT}/{MANIFEST}", "../../../../models", "../../../../../../models"),
        [["input 'model': '../../../../../../models/pico/base' leads out of the store; bring"]],
    ),
    "an input was made again": (
        remake(CPT),
        [
            [f"{MODEL}: input 'onto' {CPT} was ", "delete this and make it again"],
            [f"{FAMILY}/report: input 'cpt' {CPT} was "],
        ],
    ),
    "a release's candidate was made again": (
        remake(MODEL), [[f"{RECORD}: candidate {MODEL} was ", "bring back the one that it was"]]
    ),
    "a release's candidate is gone": (
        delete(f"{MODEL}/{MANIFEST}"), [[f"{RECORD}: its candidate {MODEL} is not there; bring it"]]
    ),
    "a release's report is gone": (
        delete(f"{FAMILY}/report/{MANIFEST}"), [[f"{RECORD}: its report {FAMILY}/report is not"]]
    ),
    "a release is cut": (write(RECORD, "{"), [[f"releases/{CANDIDATE}: ", "is not a release"]]),
    "a release has a gap": (
        lambda store: (store / RECORD).rename(store / RECORD.replace("01.", "02.")),
        [["expected 000001.json, found 000002.json; bring back the record that is missing"]],
    ),
    "a release is another's": (
        change(RECORD, f'"{CANDIDATE}"', '"other"'), [["it says number 1 of 'other'; bring back"]]
    ),
    "a release of no model": (
        write("releases/000001.json", "{}"), [["releases/: ", "is no model's"]]
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_found_and_named(store: Path, what: str) -> None:
    damage, expected = DAMAGE[what]
    damage(store)
    found = [line for line in lines(store) if line.startswith("wrong ")]
    assert len(found) == len(expected), found
    for line, parts in zip(found, expected, strict=True):
        assert all(part in line for part in parts), line
        assert line.isprintable()


def test_only_deep_reads_files(store: Path) -> None:
    alter(store)
    assert lines(store, deep=False) == []


def test_what_may_be_meant_is_said_only(store: Path) -> None:
    (store / f"articles/{RUN}/{MANIFEST}").unlink()
    (store / "notes.txt").write_text("12345")
    (store / f"{FAMILY}/candidates/next/attempt-0123456789ab").mkdir(parents=True)
    left = store / CPT / "attempt-ba9876543210"
    left.mkdir()
    (left / "model.safetensors").write_bytes(bytes(1500))
    attempt = next((store / f"articles/{RUN}").iterdir()).name
    digest = _input(store, f"articles-clean/{RUN}", "articles").digest[:12]
    on = "not committed; its job goes on from it, or tidies it, when it runs again"
    assert lines(store) == [
        f"gone articles/{RUN}: no {MANIFEST} there; its digest was {digest}; {MADE}",
        f"unfinished articles/{RUN}/{attempt}: 1 file, 16 B; {on}",
        f"unfinished {FAMILY}/candidates/next/attempt-0123456789ab: 0 files, 0 B; {on}",
        f"unfinished {CPT}/{left.name}: 1 file, 1.5 kB; its job tidies it when it runs again",
        "other notes.txt: 5 B, of no artifact and no release",
    ]


def _input(store: Path, artifact: str, name: str) -> Input:
    return Artifact.open(f"{store}/{artifact}").manifest.inputs[name]


def test_another_store_is_not_looked_at(store: Path, tmp_path: Path) -> None:
    manifest = json.loads((store / CPT / MANIFEST).read_text())
    manifest["inputs"]["rows"]["uri"] = f"{tmp_path}/elsewhere/rows"
    (store / CPT / MANIFEST).write_text(json.dumps(manifest))
    where = f"{tmp_path}/elsewhere/rows"
    assert lines(store) == [f"outside {where}: another store's; not looked at; {MADE}"]


def test_a_former_release_may_have_lost_its_model(store: Path) -> None:
    (store / MODEL / MANIFEST).unlink()
    other = commit(f"{store}/{FAMILY}/candidates/other", "model", {"content": b"1"})
    report = Artifact.open(f"{store}/{FAMILY}/report").as_input()
    facts = {"candidate": other.as_input(), "report": report}
    add(Prefix(store / "releases"), CANDIDATE, decision="GO", reasons=(), **facts)
    assert lines(store)[0].startswith(f"gone {MODEL}: no {MANIFEST} there; ")
    assert not any(line.startswith("wrong") for line in lines(store))


def test_the_same_on_s3(store: Path, s3_store: str) -> None:
    alter(store)
    (store / f"models/pico/instruct/{MANIFEST}").write_text("{}")
    (store / "notes.txt").write_text("12345")
    for path in store.rglob("*"):
        if path.is_file():
            Prefix(s3_store).write(path.relative_to(store).as_posix(), path.read_bytes())
    assert lines(s3_store) == [line.replace(str(store), s3_store) for line in lines(store)]
    assert len(lines(s3_store)) == 3, "corrupt, no manifest, notes"


@pytest.mark.parametrize("path", ["", "empty", "notes"])
def test_what_is_no_store_is_not_said_to_be_well(tmp_path: Path, path: str) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/x.txt").write_text("1")
    with pytest.raises(BadInputError, match="holds no artifact; name a store"):
        verify(Prefix(tmp_path / path), deep=False, watch=lambda *_: None)


def test_the_tops_of_a_store_are_the_layouts() -> None:
    places = [
        layout.model("", "f", "m"), layout.bundle("", "s"), layout.crawled("", "p", "c"),
        layout.curated("", "p", "c", "d"), layout.runs(""), layout.releases(""),
    ]  # fmt: skip
    assert tuple(place.split("/")[1] for place in places) == TOPS


def test_the_command(
    store: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    size = sum(path.stat().st_size for path in store.glob("**/attempt-*/*"))
    sums = f"9 artifacts, 9 files, {size / 1000:.3g} kB, releases of 1 model; "
    code, out, err = perennial(capfd, monkeypatch, "verify", store)
    assert (code, err) == (0, "")
    assert out == f"{sums}digests not compared (--deep): nothing wrong\n"
    alter(store)
    code, out, err = perennial(capfd, monkeypatch, "verify", store, "--deep")
    assert (code, err) == (64, "")
    assert out.startswith(f"wrong       {CPT}/attempt-")
    assert out.endswith(f"\n{sums}every digest compared: 1 wrong\n")
    code, _, err = perennial(capfd, monkeypatch, "verify", store / "nowhere")
    assert (code, err) == (64, f"perennial: {store}/nowhere: there is no such folder\n")
    one = store / "models/pico/base"  # an artifact alone is a store of one
    code, out, _ = perennial(capfd, monkeypatch, "verify", one)
    assert (code, out.split(",")[0]) == (0, "1 artifact")
