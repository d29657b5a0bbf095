"""Where models and data are to come from: folders, the hub, and two that are one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipelines.conftest import WriteFleet
from tests.pipelines.plan.conftest import Told, problems
from tests.support.hub import Hub


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
    write_sound: WriteFleet, told: Told, tmp_path: Path,
    source: str, change: Callable[[Path], object], says: str,
) -> None:  # fmt: skip
    path = write_sound("./family/base", source)
    change(tmp_path / "family/base")
    (problem,) = problems(told(path))
    assert problem.startswith(f"{path}:19:18: families[0].base.from: ")
    assert says.format(tmp=tmp_path, up=tmp_path.parent) in problem


def test_data_of_the_suite_that_is_not_there(write_sound: WriteFleet, told: Told) -> None:
    path = write_sound("./eval-data", "./evil-data")
    (problem,) = problems(told(path))
    assert problem.startswith(f"{path}:3:12: eval_data: there is no folder")


@pytest.mark.usefixtures("patient")
def test_the_hub(write_sound: WriteFleet, told: Told, hub: Hub) -> None:
    """One is there, one gated, the others not: each is told with its line; all are asked once."""
    hub.holds("owner/pico-1B-instruct", 1000, {"model.safetensors": 2000})
    hub.answers["/api/models/owner/pico-1B-instruct/revision/abc"] = hub.answers.pop(
        "/api/models/owner/pico-1B-instruct"
    )
    hub.answers["/api/models/owner/chatty"] = (403, b"")
    path = write_sound()
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
    write_sound: WriteFleet, told: Told, old: str, new: str, where: str, says: str
) -> None:
    (problem,) = problems(told(write_sound(f"from: {old}}}", f"from: {new}}}")))
    assert f": {where}: " in problem
    assert says in problem


def test_siblings_and_families_that_are_others(write_sound: WriteFleet, told: Told) -> None:
    path = write_sound()
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
