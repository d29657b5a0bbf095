"""Places in records: relative within a store, whole across stores, and never hostile."""

import json
from pathlib import Path

import pytest

from jobs.artifacts.manifest import MANIFEST, find_manifest
from jobs.artifacts.places import placed, recorded, store_of
from jobs.artifacts.releases import current
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix
from tests.support.pico import commit

CPT = "runs/news-2026-10/pico/cpt"


@pytest.mark.parametrize(
    ("uri", "store"),
    [
        (f"/data/{CPT}", "/data"),
        (f"s3://bucket/{CPT}", "s3://bucket"),
        (f"s3://bucket/a/b/{CPT}", "s3://bucket/a/b"),
        ("gs://models/articles/2026-10/ab", "gs://models"),  # a bucket's name is no step
        ("/data/releases", "/data"),
        (f"/{CPT}", ""),
        ("/data/by-hand/rows", "/data/by-hand"),
        ("/rows", ""),
        ("s3://bucket/rows", "s3://bucket"),
        ("s3://bucket", "s3://bucket"),
    ],
)
def test_the_store_of_a_place(uri: str, store: str) -> None:
    assert store_of(uri) == store


@pytest.mark.parametrize(
    ("uri", "at", "said"),
    [
        ("/data/models/pico/base", f"/data/{CPT}", "../../../../models/pico/base"),
        ("s3://b/x/models/pico/base", f"s3://b/x/{CPT}", "../../../../models/pico/base"),
        ("/data/runs/news-2026-10/packed/0f", f"/data/{CPT}", "../../packed/0f"),
        (f"/data/{CPT}/checkpoints/7", f"/data/{CPT}", "./checkpoints/7"),
        (f"/{CPT}", "/releases/pico", f"../../{CPT}"),
        ("/data/articles", "/data/rows", "../articles"),  # both by hand
        ("s3://b/a rticles/ü", "s3://b/rows", "../a rticles/ü"),
        # across stores
        ("/other/models/pico/base", f"/data/{CPT}", "/other/models/pico/base"),
        ("/data2/models/pico/base", f"/data/{CPT}", "/data2/models/pico/base"),
        ("s3://b/y/models/pico/base", f"s3://b/x/{CPT}", "s3://b/y/models/pico/base"),
        ("s3://b2/models/pico/base", f"s3://b/{CPT}", "s3://b2/models/pico/base"),
        ("gs://b/models/pico/base", f"s3://b/{CPT}", "gs://b/models/pico/base"),
        ("/data/models/pico/base", f"s3://data/{CPT}", "/data/models/pico/base"),
        ("s3://b/models//base", f"s3://b/{CPT}", "s3://b/models//base"),  # no plain steps
    ],
)
def test_relative_within_a_store_and_whole_across(uri: str, at: str, said: str) -> None:
    assert recorded(uri, at) == said
    assert placed(said, at) == uri


NO_PLACE = "names no place; expected a whole URI, or steps up"
OUT = "leads out of the store"
HOSTILE = {
    "": NO_PLACE,
    ".": NO_PLACE,
    "..": NO_PLACE,
    "../..": NO_PLACE,
    "models/pico/base": NO_PLACE,
    "./": NO_PLACE,
    "../": NO_PLACE,
    "..//etc": NO_PLACE,  # absolute in disguise
    ".//etc": NO_PLACE,
    "./s3://bucket/x": NO_PLACE,
    "../models/../../../etc": NO_PLACE,
    "../models/./x": NO_PLACE,
    "./..": NO_PLACE,
    "./../x": NO_PLACE,
    ".../x": NO_PLACE,
    "..\\x": NO_PLACE,
    "../..\\..\\x": NO_PLACE,
    "../x\ny": NO_PLACE,
    "../\x1b[2J": NO_PLACE,
    "../x/": NO_PLACE,
    "~/x": NO_PLACE,
    "S3://bucket/x": NO_PLACE,
    "file:/etc": NO_PLACE,
    "../../../../../x": OUT,
    "../../../../../../x": OUT,
    "../" * 99 + "etc/passwd": OUT,
}


@pytest.mark.parametrize("said", HOSTILE)
@pytest.mark.parametrize("store", ["/data/store", "s3://bucket/store", "s3://bucket"])
def test_a_hostile_place_is_refused(said: str, store: str) -> None:
    with pytest.raises(ValueError, match=HOSTILE[said]) as caught:
        placed(said, f"{store}/{CPT}")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("said", HOSTILE)
def test_a_manifest_with_one_is_none(tmp_path: Path, said: str) -> None:
    folder = tmp_path / CPT
    commit(str(folder), "model", {"a": b"1"})
    written = json.loads((folder / MANIFEST).read_text())
    written["inputs"] = {"rows": {"uri": said, "digest": "0"}}
    (folder / MANIFEST).write_text(json.dumps(written))
    with pytest.raises(BadInputError, match=HOSTILE[said]) as caught:
        find_manifest(Prefix(folder))
    assert str(caught.value).startswith(f"{folder}/{MANIFEST} is not a manifest: input 'rows': ")
    # Before there were relative places, a URI was whole.
    written["schema_version"], written["inputs"]["rows"]["uri"] = 3, "../x"
    (folder / MANIFEST).write_text(json.dumps(written))
    with pytest.raises(BadInputError, match=r"input 'rows': '\.\./x' is no whole URI"):
        find_manifest(Prefix(folder))
    written["inputs"]["rows"]["uri"] = "/elsewhere/rows"
    (folder / MANIFEST).write_text(json.dumps(written))
    read = find_manifest(Prefix(folder))
    assert read is not None
    assert read.inputs["rows"].uri == "/elsewhere/rows"


@pytest.mark.parametrize("said", ["../../../x", "../x/../y", "x"])
def test_a_release_with_one_is_none(tmp_path: Path, said: str) -> None:
    record = {
        "schema_version": 2, "model": "m", "number": 1, "decision": "GO", "reasons": [],
        "candidate": {"uri": said, "digest": "0"}, "report": {"uri": "/r", "digest": "0"},
        "created": "2026-10-01T00:00:00Z",
    }  # fmt: skip
    file = tmp_path / "releases/m/000001.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(record))
    with pytest.raises(BadInputError, match=r"000001\.json is not a release: "):
        current(Prefix(tmp_path / "releases"), "m")
