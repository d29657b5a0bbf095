"""An artifact as a plain folder: whole or not there, whatever happens on the way."""

from pathlib import Path

import pytest

from jobs.artifacts.exporting import export
from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from tests.support.paths import attempt_in
from tests.support.pico import commit

FILES = {"config.json": b"{}", "additional_chat_templates/tool.jinja": b"t", "m.bin": b"x" * 9}


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def silent(_: str) -> None:
    pass


def test_every_file_and_nothing_else(store: str, tmp_path: Path) -> None:
    made, said = commit(store, "model", FILES), list[str]()
    export(made, tmp_path / "below/model", said.append)
    assert files_of(tmp_path / "below") == {f"model/{path}": data for path, data in FILES.items()}
    assert said == [
        "1/3 additional_chat_templates/tool.jinja 1 bytes", "2/3 config.json 2 bytes",
        "3/3 m.bin 9 bytes",
    ]  # fmt: skip


def test_a_copy_is_no_link(tmp_path: Path) -> None:
    made = commit(f"{tmp_path}/store", "model", FILES)
    export(made, tmp_path / "model", silent)
    (tmp_path / "model/config.json").write_text("[]")
    Artifact.open(made.uri).verify("config.json")


@pytest.mark.parametrize("there", ["folder", "file", "dangling link"])
def test_nothing_is_written_over(tmp_path: Path, there: str) -> None:
    made, folder = commit(f"{tmp_path}/store", "model", FILES), tmp_path / "model"
    if there == "folder":
        folder.mkdir()
    elif there == "file":
        folder.write_text("mine")
    else:
        folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInputError, match="is there already; name a folder that is not"):
        export(made, folder, silent)
    assert not (tmp_path / "elsewhere").exists()


def test_a_corrupt_file_is_no_export(tmp_path: Path) -> None:
    made = commit(f"{tmp_path}/store", "model", FILES)
    (attempt_in(tmp_path / "store") / "m.bin").write_bytes(b"y" * 9)
    with pytest.raises(BadInputError, match=r"m\.bin is corrupt"):
        export(made, tmp_path / "model", silent)
    assert not (tmp_path / "model").exists()


def test_what_a_killed_export_left_is_finished(tmp_path: Path) -> None:
    made, partial = commit(f"{tmp_path}/store", "model", FILES), tmp_path / "model.partial"
    partial.mkdir()
    (partial / "m.bin").write_bytes(b"x" * 9)
    kept = (partial / "m.bin").stat().st_ino
    (partial / "config.json").write_bytes(b"{")  # cut off
    (partial / "of another export").write_text("no file of this artifact")
    (partial / "additional_chat_templates").symlink_to(tmp_path)
    export(made, tmp_path / "model", silent)
    assert files_of(tmp_path / "model") == FILES
    assert (tmp_path / "model/m.bin").stat().st_ino == kept
    assert not partial.exists()
    assert not (tmp_path / "tool.jinja").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    made = commit(f"{tmp_path}/store", "model", FILES)
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match=r"cannot export to .*file/model: "):
        export(made, tmp_path / "file/model", silent)


def test_no_link_is_followed_to_a_folder_in_which_files_would_be_deleted(tmp_path: Path) -> None:
    made, others = commit(f"{tmp_path}/store", "model", FILES), tmp_path / "others"
    others.mkdir()
    (others / "kept").write_text("of somebody else")
    (tmp_path / "model.partial").symlink_to(others)
    with pytest.raises(BadInputError, match=r"model\.partial is a link; remove it"):
        export(made, tmp_path / "model", silent)
    assert files_of(others) == {"kept": b"of somebody else"}


def test_a_path_that_leads_back_is_there_already(tmp_path: Path) -> None:
    made = commit(f"{tmp_path}/store", "model", FILES)
    with pytest.raises(BadInputError, match="is there already"):
        export(made, tmp_path / "model/..", silent)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
