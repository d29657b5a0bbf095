"""The items of a sealed data set: plain values, whatever their file says that they are."""

from pathlib import Path

import pyarrow as pa
import pytest

from jobs.errors import BadInputError
from jobs.suites.items import read_items
from tests.support import articles as support
from tests.support.pico import commit

ITEMS = pa.table({"question": ["a", "b"], "label": [0, 1]})


def labelled(labels: pa.Array) -> bytes:
    return support.parquet(ITEMS.set_column(1, "label", labels))


def described(metadata: str) -> bytes:
    return support.parquet(ITEMS.replace_schema_metadata({"huggingface": metadata}))


def told(features: str) -> bytes:
    return described(f'{{"info": {{"features": {features}}}}}')


HOSTILE_ITEMS = {
    "no items": support.parquet(ITEMS[:0]),
    "no question": support.parquet(ITEMS.drop_columns(["question"])),
    "two questions": support.parquet(ITEMS.append_column("question", ITEMS["label"])),
    "a dictionary": labelled(pa.array(["a", "b"]).dictionary_encode()),
    "a fixed list": labelled(pa.array([[1], [2]], pa.list_(pa.int64(), 1))),
    "a struct of one name twice": labelled(
        pa.StructArray.from_arrays([pa.array([1, 2])] * 2, ["x", "x"])
    ),
    "bytes": labelled(pa.array([b"a", b"b"])),
    "a decimal": labelled(pa.array([1, 2]).cast(pa.decimal128(30))),
    "a time of no year": labelled(pa.array([2**60, 0], pa.timestamp("us"))),
    "metadata that is no JSON": described("{"),
    "features that are a text": told('"label"'),
    "metadata that is a list": described("[]"),
    "classes from a file": told('{"label": {"_type": "ClassLabel", "names_file": "/etc/passwd"}}'),
    "classes that are numbers": told('{"label": {"_type": "ClassLabel", "names": [1, 2]}}'),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_ITEMS)
def test_items_that_are_none_are_refused(name: str, tmp_path: Path) -> None:
    bundle = commit(f"{tmp_path}/b", "bundle", {"data/a/test.parquet": HOSTILE_ITEMS[name]})
    with pytest.raises(BadInputError, match=r"data/a/test\.parquet"):
        read_items(bundle, "data/a/test.parquet", ["question"])


def test_of_what_a_data_set_says_of_its_columns_only_class_names_are_kept(tmp_path: Path) -> None:
    from datasets import Dataset, table

    data = told(
        '{"question": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["no", "yes"], '
        '"names_file": "/etc/passwd"}, "other": {"_type": "BytesIO"}}'
    )
    bundle = commit(f"{tmp_path}/b", "bundle", {"d": data})
    items = Dataset(table.InMemoryTable(read_items(bundle, "d", ["question"])))
    assert items.features["label"].names == ["no", "yes"]
    assert items[0] == {"question": "a", "label": 0}
