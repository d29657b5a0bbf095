"""Links are followed within the folder and the hub's own cache, and nowhere else."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.errors import BadInputError, TransientError
from jobs.ingest.inside import names_in, open_inside, real_path
from tests.jobs.ingest.sources import fresh, ingest
from tests.support.pico import write_llama


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llama(tmp_path_factory.mktemp("source") / "model")


@pytest.fixture
def folder(source: Path, tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/key").write_text("secret")
    return fresh(source, tmp_path / "source")


def link(name: str, target: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(target.replace("TMP", str(folder.parent)))

    return make


def through(name: str, target: str, inner: str) -> Callable[[Path], None]:
    """A folder that is a link, and a link through it."""

    def make(folder: Path) -> None:
        (folder / name).symlink_to(target)
        (folder / "LICENSE").symlink_to(f"{name}/{inner}")

    return make


def of_a_cache(blobs_are_a_link: bool, name: str = "models--o--n") -> Callable[[Path], None]:
    """The folder as a snapshot; `blobs`, or the file in it, leads out."""

    def make(folder: Path) -> None:
        snapshot = folder.parent / name / "snapshots/abc"
        snapshot.parent.mkdir(parents=True)
        folder.rename(snapshot)
        folder.symlink_to(snapshot)
        blobs = snapshot.parents[1] / "blobs"
        if blobs_are_a_link:
            blobs.symlink_to("../secrets")
        else:
            blobs.mkdir()
            (blobs / "key").symlink_to("../../secrets/key")
        (snapshot / "LICENSE").symlink_to("../../blobs/key")

    return make


def fifo(folder: Path) -> None:
    os.mkfifo(folder / "LICENSE")


OUTSIDE = "is a link to a file outside the folder"
CANNOT = "cannot be read"
NO_FILE = "is no regular file"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (link("LICENSE", "../secrets/key"), OUTSIDE),
        (link("LICENSE", "TMP/secrets/key"), OUTSIDE),
        (link("LICENSE", "./././../source/../secrets/key"), OUTSIDE),
        (link("tokenizer_config.json", "/etc/passwd"), OUTSIDE),
        (link("chat_template.jinja", "/proc/self/environ"), OUTSIDE),
        (link("additional_chat_templates/x.jinja", "../../secrets/key"), OUTSIDE),
        (through("out", "../secrets", "key"), OUTSIDE),
        (through("additional_chat_templates", "../secrets", "key"), OUTSIDE),
        (of_a_cache(blobs_are_a_link=True), OUTSIDE),
        (of_a_cache(blobs_are_a_link=False), OUTSIDE),
        (of_a_cache(blobs_are_a_link=False, name="others"), OUTSIDE),
        (link("LICENSE", "nowhere"), CANNOT),
        (link("LICENSE", "LICENSE"), CANNOT),
        (link("LICENSE", "/dev/zero"), OUTSIDE),
        (link("LICENSE", "/dev/stdin"), f"({OUTSIDE}|{CANNOT})"),
        (fifo, NO_FILE),
    ],
)
def test_what_leads_out_of_the_folder_is_refused(
    folder: Path, tmp_path: Path, make: Callable[[Path], None], said: str
) -> None:
    make(folder)
    with pytest.raises(BadInputError, match=f"/source/[a-zA-Z_/.]+ {said}"):
        ingest(folder, tmp_path / "out")


def test_a_cache_of_the_hub(folder: Path, tmp_path: Path) -> None:
    snapshot = tmp_path / "models--o--n/snapshots/abc"
    blobs = tmp_path / "models--o--n/blobs"
    snapshot.mkdir(parents=True)
    folder.rename(blobs)
    for path in blobs.iterdir():
        (snapshot / path.name).symlink_to(f"../../blobs/{path.name}")
    model = ingest(snapshot, tmp_path / "out")
    assert model.read("config.json") == (blobs / "config.json").read_bytes()
    (snapshot.parent / "def").symlink_to("abc")  # the folder itself may be reached by a link
    ingest(snapshot.parent / "def", tmp_path / "again")


def test_what_changes_while_it_is_read_is_tried_again(folder: Path) -> None:
    def read_while_it_grows() -> None:
        with open_inside(folder, "config.json") as file:
            file.read(1)
            with (folder / "config.json").open("a") as other:
                other.write(" ")

    with pytest.raises(TransientError, match=r"config\.json was changed while it was read"):
        read_while_it_grows()


def test_links_within_the_folder_are_followed(folder: Path, tmp_path: Path) -> None:
    (folder / "texts").mkdir()
    (folder / "texts/terms").write_text("free")
    (folder / "LICENSE").symlink_to("texts/../texts/terms")
    assert ingest(folder, tmp_path / "out").read("LICENSE") == b"free"


def test_a_folder_is_no_file(folder: Path) -> None:
    (folder / "LICENSE").mkdir()
    (folder / "LICENSE-2").symlink_to("LICENSE")
    assert not [name for name in names_in(folder) if name.startswith("LICENSE")]
    with pytest.raises(BadInputError, match=NO_FILE):
        real_path(folder, "LICENSE-2")
