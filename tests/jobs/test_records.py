# ruff: noqa: E501
"""Records as strangers write them: read strictly, in bounded memory, each refusal one line."""

import json
import tracemalloc

import pytest

from jobs.artifacts.manifest import Manifest
from jobs.artifacts.releases import Release
from jobs.errors import BadInputError
from jobs.kinds.report import Verdicts
from jobs.kinds.scores import Results
from jobs.records import Record
from jobs.suites.sealed import SealedSuite

RECORDS: list[type[Record]] = [Manifest, Release, SealedSuite, Results]
GOOD = {
    "kind": "articles", "schema_version": 2, "digest": "0", "inputs": {}, "settings": {},
    "files": [{"path": "a", "bytes": 1, "digest": "0" * 64, "algorithm": "blake3"}],
    "producer": {"job": "crawl", "version": "1"}, "statistics": {},
    "created": "2026-10-01T00:00:00Z",
}  # fmt: skip
TEXT = json.dumps(GOOD)

HOSTILE = {
    "repeated key": (TEXT.replace('"kind"', '"kind": "model", "kind"', 1), "'kind' stands twice"),
    "repeated in a file": (TEXT.replace('"bytes": 1', '"bytes": 1, "bytes": 2'), "'bytes' stands"),
    "repeated in statistics": (TEXT.replace('"statistics": {}', '"statistics": {"a": 1, "a": 2}'), "twice"),
    "repeated, escaped": (TEXT.replace('"kind"', '"k\\u0069nd": "x", "kind"', 1), "'kind' stands twice"),
    "NaN": (TEXT.replace('"statistics": {}', '"statistics": {"a": NaN}'), "NaN is no value"),
    "infinity": (TEXT.replace('"statistics": {}', '"statistics": {"a": -Infinity}'), "-Infinity is no"),
    "deep lists": (TEXT.replace('"settings": {}', f'"settings": {{"a": {"[" * 150}{"]" * 150}}}'), "nests too deep"),
    "deep objects": (TEXT.replace('"settings": {}', '"settings": ' + '{"a":' * 200 + "1" + "}" * 200), "nests too deep"),
    "deepest": ("[" * 10**6, "nests too deep"),
    "half a character": (TEXT.replace('"articles"', '"\\ud800"'), "a text in it holds half a character"),
    "half in a key": (TEXT.replace('"settings": {}', '"settings": {"\\udfff": 1}'), "half a character"),
    "huge integer": (TEXT.replace('"bytes": 1', f'"bytes": {"9" * 5000}'), "no integer that can"),
    "minus zero": (TEXT.replace('"bytes": 1', '"bytes": -0'), "no integer that can"),
    "byte order mark": ("\ufeff" + TEXT, "is not JSON"),
    "two values": (TEXT + "{}", "is not JSON: more follows after its end, in line 1 at column "),
    "control character": (TEXT.replace("articles", "a\x1b[2J"), "a text holds a control character as it is, in line 1 at column"),
    "unknown key": (TEXT.replace('"kind"', '"kind\\u001b[2J": 1, "kind"', 1), r"kind\x1b[2J: is unknown"),
    "cut": (TEXT[:40], "is not JSON: "),
    "cut behind a comma": ('{"a": 1,', "it ends too early, where a key in double quotes is expected, in line 1"),
    "comma at the end": ('{"a": [1,]}', "is not JSON: "),
    "no quotes": ("{a: 1}", "a key in double quotes is expected, in line 1 at column 2"),
    "no colon": ('{"a" 1}', "a colon is expected, in line 1 at column 6"),
    "no comma": ('{"a": 1\n "b": 2}', "a comma, or an end, is expected, in line 2 at column 2"),
    "open text": ('{"a": "b', "a text has no closing quote, in line 1 at column 7"),
    "backslash": ('{"a": "\\x"}', "a text holds a backslash that means nothing, in line 1"),
    "half an escape": ('{"a": "\\u12"}', "a text holds a backslash that means nothing"),
    "blank": (" \n\t", "is not JSON: it is empty"),
    "nothing": ("", "is not JSON: it is empty"),
    "digest": (TEXT.replace("0" * 64, "sha256:" + "0" * 64), "files.0.digest: expected a digest, 64 of the digits 0-9 and a-f"),
    "attempt": (TEXT.replace('"kind"', '"attempt": "../x", "kind"'), "attempt: expected attempt- and 12 of the digits 0-9 and a-f"),
    "a list": ("[]", "expected a mapping"),
    "no JSON": ("kind: articles", "is not JSON: a value is expected, in line 1 at column 1"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "says"), HOSTILE.values(), ids=HOSTILE.keys())
def test_refused_in_one_line(text: str, says: str) -> None:
    with pytest.raises(BadInputError) as caught:
        Manifest.parse(text.encode(), "x is not a manifest")
    assert says in str(caught.value)
    assert str(caught.value).startswith("x is not a manifest")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("record", [*RECORDS, Verdicts])
def test_every_record_is_read_so(record: type[Record]) -> None:
    for text, says in (('{"a": 1, "a": 1}', "'a' stands twice"), ('{"a": NaN}', "NaN is no value")):
        with pytest.raises(BadInputError, match=says):
            record.parse(text.encode(), "x")


@pytest.mark.parametrize(
    "text", [b" " * 200_000_000, b'{"a":[' + b"0," * 8_000_000], ids=["200 MB", "many values"]
)
def test_one_that_is_too_large_is_refused_unparsed(text: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(
            BadInputError, match=r"fewer, larger files are read; else raise MAX_REC"
        ):
            Manifest.parse(text, "x")
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_an_honest_manifest_of_many_files_is_read() -> None:
    files = [{**GOOD["files"][0], "path": f"part-{n:06}.parquet"} for n in range(20_000)]  # type: ignore[index]
    manifest = Manifest.parse(json.dumps({**GOOD, "files": files}, indent=2).encode(), "x")
    assert len(manifest.files) == 20_000
