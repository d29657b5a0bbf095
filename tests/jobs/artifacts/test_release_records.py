"""Records that others wrote: each is what its path says, or one line says which is not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.artifacts import releases as module
from jobs.artifacts.manifest import Input
from jobs.artifacts.releases import Standing, add, current, read_releases
from jobs.errors import BadInputError, TransientError
from jobs.store.prefix import Prefix


def facts(digest: str, report: str = "", **more: Any) -> dict[str, Any]:
    return {
        "candidate": Input(uri="/candidate", digest=digest),
        "report": Input(uri="/report", digest=report or f"report of {digest}"),
        "decision": "GO",
        "reasons": ("kept",),
        **more,
    }


def record(number: Any = 3, **changed: Any) -> dict[str, Any]:
    said = {
        "schema_version": 1,
        "model": "m",
        "number": number,
        "candidate": {"uri": "/candidate", "digest": f"{number}", "relevant": None},
        "report": {"uri": "/report", "digest": f"report of {number}", "relevant": None},
        "decision": "GO",
        "reasons": ["kept"],
        "override": None,
        "created": "2026-10-01T00:00:00Z",
    }
    return {**said, **changed}


Write = Callable[..., None]


@pytest.fixture
def releases(tmp_path: Any) -> Prefix:
    """Two records of `m`, and one of `other`."""
    prefix = Prefix(tmp_path / "releases")
    for model, digest in (("m", "1"), ("m", "2"), ("other", "1")):
        assert add(prefix, model, **facts(digest))[1] == Standing.NEW
    return prefix


def put(releases: Prefix, path: str, said: Any) -> None:
    data = said if isinstance(said, bytes) else json.dumps(said).encode()
    file = Path(releases.uri, path)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)


NO_RECORD = "is no release record: their names are 000001.json to 999999.json; move it away"

# Name below `m` → what it says, and what is said of it.
HOSTILE: dict[str, tuple[str, Any, str]] = {
    "number 0": ("000000.json", record(0), "expected 000001.json, found 000000.json; bring back"),
    "a gap": ("000041.json", record(41), "expected 000003.json, found 000041.json; bring back"),
    "the highest there can be": ("999999.json", record(999999), "found 999999.json; bring back"),
    "seven digits": ("1000000.json", record(1000000), f"m/'1000000.json' {NO_RECORD}"),
    "five digits": ("00003.json", record(), f"m/'00003.json' {NO_RECORD}"),
    "no digits": ("current.json", record(), f"m/'current.json' {NO_RECORD}"),
    "a sign": ("-00003.json", record(), f"m/'-00003.json' {NO_RECORD}"),
    "Arabic digits": ("٠٠٠٠٠٣.json", record(), NO_RECORD),
    "full-width digits": ("００００\uff10３.json", record(), NO_RECORD),
    "superscripts": ("00000³.json", record(), NO_RECORD),
    "a folder of old ones": ("old/000003.json", record(), f"m/'old/000003.json' {NO_RECORD}"),
    "another number": (
        "000003.json", record(2), "is not a release of its place: it says number 2 of 'm'; bring",
    ),
    "another model": ("000003.json", record(model="other"), "it says number 3 of 'other'; bring"),
    "the same in capitals": ("000003.json", record(model="M"), "it says number 3 of 'M'; bring"),
    "a number as text": ("000003.json", record(number="3"), "not a release: number: "),
    "a number with a fraction": ("000003.json", record(number=3.0), "not a release: number: "),
    "a number that is true": ("000003.json", record(number=True), "not a release: number: "),
    "a number below 0": ("000003.json", record(number=-3), "not a release: number: "),
    "a number without end": ("000003.json", b'{"number": 1e999}', "not a release: "),
    "of another schema": ("000003.json", record(schema_version=3), "schema_version: "),
    "a NO-GO of nobody": ("000003.json", record(decision="NO-GO"), "it is NO-GO and nobody overr"),
    "a NO-GO for no reason": (
        "000003.json", record(decision="NO-GO", override=""), "it is NO-GO and nobody overrode it",
    ),
    "no decision of ours": ("000003.json", record(decision="go\x1b[0m"), "not a release: decision"),
    "a key of its own": ("000003.json", record(pinned=True), "not a release: pinned: "),
    "no candidate": ("000003.json", record(candidate=None), "not a release: candidate: "),
    "a time without a zone": (
        "000003.json", record(created="2026-10-01T00:00:00"), "not a release: created: ",
    ),
    "before all time": (
        "000003.json", record(created="0001-01-01T00:00:00+10:00"), "it is no time of ours",
    ),
    "nothing": ("000003.json", b"", "000003.json is not a release: "),
    "half of it": ("000003.json", b'{"schema_version": 1, "mod', "000003.json is not a release: "),
    "a list": ("000003.json", b"[]", "000003.json is not a release: "),
    "no text": ("000003.json", b"\xff\xfe{\x00}\x00", "000003.json is not a release: "),
    "too large": (
        "000003.json", b" " * (2**20 + 1), "not a release: 1048577 bytes, at most 1048576; bring",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_record_that_is_not_what_its_path_says_is_refused_by_every_reader(
    releases: Prefix, what: str
) -> None:
    name, said, why = HOSTILE[what]
    put(releases, f"m/{name}", said)
    before = sorted(releases.list())
    for read in (
        lambda: read_releases(releases),
        lambda: current(releases, "m"),
        lambda: add(releases, "m", **facts("new")),
    ):
        with pytest.raises(BadInputError, match=why) as caught:
            read()
        assert "\n" not in str(caught.value)
        assert "\x1b" not in str(caught.value)
    assert sorted(releases.list()) == before, "nothing is added to it"
    assert add(releases, "other", **facts("new"))[0].number == 2, "other models go on"


@pytest.mark.parametrize("folder", ["", "-m/", ".m/", "m m/", "é/"])
def test_a_record_of_no_model_is_refused(releases: Prefix, folder: str) -> None:
    put(releases, f"{folder}000001.json", record(1, model=folder.strip("/")))
    with pytest.raises(BadInputError, match=r"no model's (name|folder); move it away"):
        read_releases(releases)


@pytest.mark.parametrize("path", ["m/000003\n.json", "m/\x1b[2J.json", "\x1b[2J/000001.json"])
def test_a_name_that_no_store_takes_is_refused(releases: Prefix, path: str) -> None:
    put(releases, path, record())
    with pytest.raises(BadInputError, match=r"releases/.* cannot be used: "):
        read_releases(releases)


def test_what_is_no_json_is_nobodys_business(releases: Prefix) -> None:
    put(releases, "README.md", b"hands off")
    put(releases, "m/000003.json.bak", b"{}")
    assert {model: len(found) for model, found in read_releases(releases).items()} == {
        "m": 2,
        "other": 1,
    }


def test_a_lost_record_is_missed(releases: Prefix) -> None:
    releases.delete("m/000001.json")
    with pytest.raises(BadInputError, match=r"m: expected 000001.json, found 000002.json; bring"):
        current(releases, "m")


def test_after_the_last_number_there_is_none(
    releases: Prefix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LAST", 3)
    assert add(releases, "m", **facts("3"))[0].number == 3
    with pytest.raises(BadInputError, match=r"releases/m is full: its last number 3 is taken"):
        add(releases, "m", **facts("4"))
    assert add(releases, "m", **facts("3"))[1] == Standing.CURRENT


def test_a_number_that_is_taken_and_never_listed_ends(
    releases: Prefix, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Prefix, "create", lambda *_: False)
    with pytest.raises(TransientError, match=r"m/000003.json cannot be created, nor is it listed"):
        add(releases, "m", **facts("3"))
