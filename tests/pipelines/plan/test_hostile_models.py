# ruff: noqa: E501
"""A plan looks into the family's folder, in which anything may lie."""

import json
import os
import struct
from pathlib import Path

import pytest

from jobs.errors import BadInputError
from pipelines.local.engine import Step
from pipelines.plan.plan import Planned, _num_parameters

NOT_THERE = Planned(Step("base", "ingest", {}, ("x",), {}, (), None, 60), None)


def header(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (struct.pack("<Q", 2**63) + b"{}", "is no safetensors file: a header of 9223372036854775808"),
        (b"\xff" * 8, "is no safetensors file"),
        (b"", "is no safetensors file: 0 bytes"),
        (header(b"[]"), "is no safetensors file"),
        (header(b'{"a":1}'), "has a wrong safetensors header"),
        (header(b'{"a":{},"a":{}}'), "stands twice"),
        (header(b'{"a":' + b"[" * 5000), "nests too deep"),
        (header(json.dumps({"a": {"dtype": "F32", "shape": ["x"], "data_offsets": [0, 4]}}).encode()), "a wrong"),
    ],
)  # fmt: skip
def test_weights_that_lie(tmp_path: Path, data: bytes, says: str) -> None:
    (tmp_path / "model.safetensors").write_bytes(data)
    with pytest.raises(BadInputError, match=says):
        _num_parameters(str(tmp_path), NOT_THERE)


def test_what_is_no_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").mkdir()
    (tmp_path / "c.safetensors").symlink_to("/dev/zero")
    assert _num_parameters(str(tmp_path), NOT_THERE) is None


@pytest.mark.parametrize(
    ("source", "parameters"),
    [
        ("owner/x-1.5B", 1_500_000_000), ("owner/x-" + "9" * 400 + "B", None), ("x" * 5000, None),
        ("owner/x-٣B", None), ("./" + "x" * 300, None), ("a\0b", None),
    ],
)  # fmt: skip
def test_the_size_in_a_name(source: str, parameters: int | None) -> None:
    assert _num_parameters(source, NOT_THERE) == parameters
