"""Artifacts that were written before BLAKE3 are read, verified, and still mean the same work.

The two manifests are as version 0.1.0 of this project wrote them.
"""

import json
from pathlib import Path

import pytest

from jobs.artifacts.manifest import MANIFEST, Work
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.errors import BadInputError
from jobs.kinds.model import tokenizer_of
from jobs.store.prefix import Prefix

MODEL = """{
  "kind": "model",
  "schema_version": 1,
  "files": [
    {
      "path": "config.json",
      "bytes": 2,
      "sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    },
    {
      "path": "tokenizer.json",
      "bytes": 8,
      "sha256": "25b24058ee62959733d6de44c94bcf2a8bf8e448b368d90a6f7a1e704f4c9dd5"
    }
  ],
  "digest": "326496a2a3c9da76f1a0a189f028e23bee2324dc490280299c7bd9716a57def2",
  "inputs": {},
  "settings": {"source": "folder 0123456789abcdef"},
  "producer": {"job": "ingest", "version": "1", "image": null},
  "statistics": {"parameters": 3},
  "created": "2026-11-25T02:25:52Z"
}
"""
ROWS = """{
  "kind": "rows",
  "schema_version": 1,
  "files": [
    {
      "path": "x",
      "bytes": 1,
      "sha256": "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
    }
  ],
  "digest": "8f7adb0038dba458c37f40b562321a327a8ec0367e80233ec06e8d766b12266c",
  "inputs": {
    "tokenizer": {
      "uri": "/data/models/pico/base",
      "digest": "326496a2a3c9da76f1a0a189f028e23bee2324dc490280299c7bd9716a57def2",
      "part": "0af8abe717b539d8e77138d599e81886497296a80b068837a0a389f97ed9bab5"
    }
  },
  "settings": {},
  "producer": {"job": "pack", "version": "1", "image": null},
  "statistics": {"tokens": 7},
  "created": "2026-11-25T02:25:52Z"
}
"""
DIGEST = "326496a2a3c9da76f1a0a189f028e23bee2324dc490280299c7bd9716a57def2"
OF_TOKENIZER = "0af8abe717b539d8e77138d599e81886497296a80b068837a0a389f97ed9bab5"


@pytest.fixture
def model(store: str) -> Artifact:
    prefix = Prefix(store) / "model"
    files = {"config.json": b"{}", "tokenizer.json": b'{"a": 0}', MANIFEST: MODEL.encode()}
    for path, data in files.items():
        prefix.write(path, data)
    return Artifact.open(prefix.uri, "model")


def test_it_is_read_and_verified(model: Artifact, tmp_path: Path) -> None:
    assert model.read("tokenizer.json") == b'{"a": 0}'
    model.verify("config.json")
    model.local_copy(tmp_path / "copy")
    assert model.digest == DIGEST


def test_altered_bytes_are_found(model: Artifact, tmp_path: Path) -> None:
    model.prefix.write("config.json", b"[]")
    expected = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    said = rf"/config\.json is corrupt: sha256 [0-9a-f]{{64}}, expected {expected}$"
    other = ArtifactWriter(Prefix(tmp_path / "other"), Work.of(model.manifest), {})
    for reading in (
        lambda: model.read("config.json"),
        lambda: model.verify("config.json"),
        lambda: model.local_copy(tmp_path / "copy"),
        lambda: other.copy(model, "config.json"),
    ):
        with pytest.raises(BadInputError, match=said):
            reading()


@pytest.mark.parametrize(("old", "new"), [('"bytes": 8', '"bytes": 9'), ("25b2", "25b3")])
def test_an_altered_manifest_is_refused(model: Artifact, old: str, new: str) -> None:
    model.prefix.write(MANIFEST, MODEL.replace(old, new, 1).encode())
    with pytest.raises(BadInputError, match="was altered"):
        Artifact.open(model.uri)


def test_a_later_version_is_refused(model: Artifact) -> None:
    model.prefix.write(MANIFEST, MODEL.replace('version": 1', 'version": 5').encode())
    with pytest.raises(BadInputError, match="schema_version 5 is none that is known here"):
        Artifact.open(model.uri)


def test_what_was_made_from_it_is_the_same_work(model: Artifact) -> None:
    """A repeated job asks with the digests of its inputs: they must be those recorded before."""
    rows = Prefix(f"{model.uri}-rows")
    rows.write("x", b"1")
    rows.write(MANIFEST, ROWS.encode())
    tokenizer = tokenizer_of(model)
    assert tokenizer.relevant == OF_TOKENIZER
    wanted = Work(
        kind="rows",
        producer="pack 1",
        settings={},
        inputs={"tokenizer": tokenizer.as_input().identity},
    )
    assert Artifact.open(rows.uri).manifest.differences(wanted) == []


def test_a_copy_of_its_files_has_digests_of_today(model: Artifact) -> None:
    out = ArtifactWriter(Prefix(f"{model.uri}-copy"), Work.of(model.manifest), {})
    for path in model.paths:
        out.copy(model, path)
    copied = out.commit({})
    written = json.loads(copied.prefix.read(MANIFEST))
    assert written["schema_version"] == 4
    assert {file["algorithm"] for file in written["files"]} == {"blake3"}
    assert copied.read("tokenizer.json") == b'{"a": 0}'
