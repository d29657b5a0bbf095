# ruff: noqa: E501
"""Fleet files as strangers write them: each ends with one line that names the place."""

import os
from pathlib import Path

import pytest

from jobs.errors import BadInputError
from pipelines.fleet.reading import read_fleet
from pipelines.local.reading import read_workflow
from tests.pipelines.conftest import FLEET, WriteFleet
from tests.support.hostile import unseen

LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "x: &x {k: v}\ny0: &y0 {<<: [*x, *x]}\n" + "".join(
    f"y{n + 1}: &y{n + 1} {{<<: [*y{n}, *y{n}]}}\n" for n in range(40)
)

FILES: dict[str, tuple[str | bytes, str]] = {
    # Aliases and depth.
    "billion laughs": (LAUGHS, "f.yaml:5:29: too many values, its aliases unfolded"),
    "merges without end": (MERGES, "f.yaml:14:17: too many values, its aliases unfolded"),
    "a list in itself": ("a: &x [*x]", "f.yaml:1:8: *x stands within what it means"),
    "a mapping in itself": ("&x a: &y {b: *y}", "f.yaml:1:14: *y stands within what it means"),
    "an undefined alias": ("a: *x", "f.yaml:1:4: not YAML: a text cannot begin with *; put it in quotes"),
    "half a million values": ("families: [" + "a," * 500_000 + "]", "f.yaml:1:1"),
    "deep lists": ("a: " + "[" * 10**6, "f.yaml:1:53: nests deeper than 50"),
    "deep blocks": ("- " * 300_000, "f.yaml:1:101: nests deeper than 50"),
    "deep mappings": ("".join(" " * n + "a:\n" for n in range(600)), "f.yaml:51:51: nests deeper than 50"),
    "deep keys": ("? " * 100_000, "f.yaml:1:101: nests deeper than 50"),
    # Tags and types.
    "python object": ("name: !!python/object/apply:os.system [id]", "f.yaml:1:7: the tag 'tag:yaml.org,2002:python/object/apply:os.system' means nothing here"),
    "binary": ("name: !!binary aGk=", "f.yaml:1:7: the tag 'tag:yaml.org,2002:binary' means"),
    "a set": ("a: !!set {a, b}", "f.yaml:1:4: the tag 'tag:yaml.org,2002:set' means"),
    "a tag of one's own": ("%TAG ! tag:x,2000:\n---\n!a b", "f.yaml:3:1: the tag 'tag:x,2000:a' means"),
    "a date": ("name: 2026-10-01", "f.yaml:1:7: '2026-10-01' is a date; put a text in quotes"),
    "the value =": ("name: =", "f.yaml:1:7: '=' is neither text nor number"),
    "not a number": ("name: .nan", "f.yaml:1:7: '.nan' is no decimal number"),
    "infinity": ("name: -.inf", "f.yaml:1:7: '-.inf' is no decimal number"),
    "beyond a float": ("name: 1.0e+999", "f.yaml:1:7: '1.0e+999' is no decimal number"),
    "huge": ("name: " + "9" * 5000, "f.yaml:1:7: '9999"),
    "octal": ("name: 010", "f.yaml:1:7: '010' is no decimal number"),
    "hexadecimal": ("name: 0x_", "f.yaml:1:7: '0x_' is no decimal number"),
    "sexagesimal": ("name: 1:20:30", "f.yaml:1:7: '1:20:30' is no decimal number"),
    "underscores": ("name: 1_000", "f.yaml:1:7: '1_000' is no decimal number"),
    "a number as a key": ("1: a", "f.yaml:1:1: a key is a text; put it in quotes"),
    "on as a key": ("on: a", "f.yaml:1:1: a key is a text"),
    "null as a key": ("~: a", "f.yaml:1:1: a key is a text"),
    "a list as a key": ("? [a]\n: b", "f.yaml:1:3: a key is a text"),
    "a mapping as a key": ("{? {a: b} : c}", "f.yaml:1:4: a key is a text"),
    "a repeated key": ("a: {b: 1,\n  b: 2}", "f.yaml:2:3: b is given twice; first on line 1"),
    "a key that hides": ('"a\\e[2J": 1', r"f.yaml:1:1: the character '\x1b' may not stand in a text"),
    "merging a text": ("<<: words", "f.yaml:1:5: not YAML: << takes a mapping"),
    # Bytes.
    "empty": ("", "f.yaml is empty"),
    "only a comment": ("# x", "f.yaml is empty"),
    "two documents": ("a: 1\n---\nb: 2", "f.yaml:2:1: not YAML: a second document begins here"),
    "a list": ("- a", "f.yaml:1:1: fleet: expected a mapping"),
    "no": ("name: no", "f.yaml:1:7: name: no is false in YAML; put it in quotes: 'no'"),
    "a tab": ("name:\n\t- a", "f.yaml:2:1: not YAML"),
    "UTF-16": ("name: a".encode("utf-16"), "f.yaml:1:1: not UTF-8"),
    "Latin 1": (b"name: a\nsuite: caf\xe9", "f.yaml:2:11: not UTF-8"),
    "a surrogate": (b"name: \xed\xa0\x80", "f.yaml:1:7: not UTF-8"),
    "NUL": ("name: a\0b", r"f.yaml:1:8: the character '\x00' may not stand in a file of YAML"),
    "a raw escape": ("# x\nname: \x1b[2J", r"f.yaml:2:7: the character '\x1b' may not"),
    "C1": ("name: \x9b2J", r"f.yaml:1:7: the character '\x9b' may not"),
    "a hidden line": ("name: a\u2028suite: b", r"f.yaml:1:8: the character '\u2028' may not"),
    "a turned comment": ("# \u202e\nname: a", r"f.yaml:1:3: the character '\u202e' may not"),
    "an escaped NUL": ('name: "a\\0b"', r"f.yaml:1:7: the character '\x00' may not stand in a text"),
    "more than a megabyte": (b" " * (2**20 + 1), "f.yaml is too large: more than 1048576 bytes"),
}  # fmt: skip


def refused(path: Path, says: str) -> None:
    with pytest.raises(BadInputError) as caught:
        read_fleet(path)
    told = getattr(caught.value, "lines", [str(caught.value)])
    assert any(says in line for line in told), told
    for line in told:
        assert unseen(line) == []
        assert "\n" not in line


@pytest.mark.parametrize(("text", "says"), FILES.values(), ids=FILES.keys())
def test_hostile_files(tmp_path: Path, text: str | bytes, says: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    refused(path, says)
    if says != "f.yaml:1:1: fleet: expected a mapping" and "name: no" not in says:
        with pytest.raises(BadInputError):  # a workflow is read by the same reader
            read_workflow(path)


def test_what_is_no_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    with (tmp_path / "big").open("wb") as big:
        big.truncate(100 * 2**20)
    for name, says in {
        "pipe": "pipe cannot be read: it is no file",
        ".": "cannot be read: it is a folder; no file of YAML is there",
        "/dev/zero": "/dev/zero cannot be read: it is no file",
        "loop": "loop cannot be read: Too many levels of symbolic links",
        "missing": "missing cannot be read: there is no such file",
        "n" * 300: "cannot be read: File name too long",
        "a\0b": "cannot be read: no file can have this name",
        "big": "big is too large",
    }.items():
        with pytest.raises(BadInputError) as caught:
            read_fleet(tmp_path / name)
        assert says in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("./eval-data", "'{{workflow.name}}'", "f.yaml:3:12: eval_data: '{{workflow.name}}' has {{, which begins a workflow's tag"),
        ("owner/older}", "'a{{=1+1}}'}", "f.yaml:25:22: families[0].siblings[0].base.from: 'a{{=1+1}}' has {{"),
        ("[us, uk]", "[us, '{{item}}']", "f.yaml:6:20: crawl.publishers[1]: '{{item}}' has {{"),
        ("owner/older}", "--override}", "f.yaml:25:22: families[0].siblings[0].base.from: '--override' begins with -, as flags do"),
        ("revision: abc", "revision: -x", "families[0].instruct.revision: '-x' begins with -"),
        ("[us, uk]", "[us, ' --x']", "crawl.publishers[1]: ' --x' begins with -"),
        ("revision: abc", 'revision: "a\\nb"', r"families[0].instruct.revision: 'a\nb' has the character '\n', which cannot be shown"),
        ("name: nano", 'name: "na\\u200bno"', r"f.yaml:29:11: families[1].name: 'na\u200bno' has the character '\u200b'"),
        ("  epochs: 2", '  "{{epochs}}": 2', "f.yaml:14:3: train: '{{epochs}}' has {{"),
        ("owner/older}", "'https://me:hunter2@hub/x'}", "'https://***@hub/x' holds a user name, password, token or query; credentials belong in the environment"),
        ("owner/older}", "'https://hub/x?sig=hunter2'}", "'https://hub/x?***' holds a user name"),
        ("crawl:", "crawl:\n  ccnews_server: https://me:hunter2@news/", "f.yaml:6:18: crawl.ccnews_server: 'https://***@news/' holds"),
        ("crawl:", "crawl:\n  ccnews_server: https://news:hunter2/", "f.yaml:6:18: crawl.ccnews_server: cannot be read as host:port/path"),
        ("revision: abc", "revision: hf_hunter2hunter2hunter2", "f.yaml:20:56: families[0].instruct.revision: '***' holds"),
        ("name: nano", "name: ..", "f.yaml:29:11: families[1].name: expected a name of small letters"),
        ("name: nano", "name: a..b", "families[1].name: expected a name of small letters"),
        ("name: nano", "name: a/b", "families[1].name: expected a name of small letters"),
        ("name: nano", "name: Nano", "families[1].name: expected a name of small letters"),
        ("name: nano", "name: nano.", "families[1].name: expected a name of small letters"),
        ("name: nano", "name: ''", "families[1].name: is empty; expected a name of small letters"),
        ("name: nano", "name: n\u0430no", r"expected a name of small letters and digits, with dots or dashes between, got 'n\u0430no'"),
        ("name: nano", f"name: {'n' * 64}", "families[1].name: has 64 characters; expected at most 63"),
        ("name: nano", "name: packed", "families[1].name: the name packed is taken by what lies beside it"),
        ("release: nano-chat", "release: report.json", "f.yaml:32:14: families[1].release: the name report.json is taken"),
        ("name: older", "name: manifest.json", "the name manifest.json is taken"),
        ("crawl:", "placement: {gpu_pool: a b}\ncrawl:", "f.yaml:5:23: placement.gpu_pool: expected at most 63 letters"),
        ("crawl:", "placement: {train_cpu: ٣}\ncrawl:", "f.yaml:5:24: placement.train_cpu: expected a quantity such as 500m"),
        ("3e-4", "nan", "f.yaml:15:18: train.learning_rate: expected a finite number, got 'nan'"),
        ("3e-4", "1e999", "f.yaml:15:18: train.learning_rate: expected a finite number, got '1e999'"),
    ],
)  # fmt: skip
def test_texts_without_a_meaning_here(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in FLEET
    path = tmp_path / "f.yaml"
    path.write_text(FLEET.replace(old, new, 1), encoding="utf-8")
    refused(path, says)
    with pytest.raises(BadInputError) as caught:
        read_fleet(path)
    assert "hunter2" not in str(caught.value).replace("news:hunter2", "")


def test_what_is_honest_is_read(tmp_path: Path, write_fleet: WriteFleet) -> None:
    anchors = "    base: &base {from: owner/nano-8B}\n    derived: [{<<: *base, name: other}]"
    fleet = read_fleet(write_fleet("    base: {from: owner/nano-8B}", anchors))
    assert fleet.families[1].derived[0].source == "owner/nano-8B"
    path = tmp_path / "bom.yaml"
    path.write_text(
        "# Ελλάδα 新闻\n" + FLEET.replace("./eval-data", "./新闻"), encoding="utf-8-sig"
    )
    assert read_fleet(path).eval_data == str(tmp_path / "新闻")


def test_what_is_merged_is_placed_where_it_was_overridden(write_fleet: WriteFleet) -> None:
    merged = (
        "    base: &base {from: owner/nano-8B}\n    derived: [{<<: *base, name: other, from: ''}]"
    )
    with pytest.raises(
        BadInputError, match=r"fleet\.yaml:31:46: families\[1\]\.derived\[0\]\.from"
    ):
        read_fleet(write_fleet("    base: {from: owner/nano-8B}", merged))
