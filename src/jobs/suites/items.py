"""The items of a sealed data set: a table of plain values, for whatever reads it as a data set.

A Parquet file may say in its metadata how the library ``datasets`` is to take its columns: classes
of that library by name, some of which open files. Of that only the names of classes are kept.
"""

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from jobs.artifacts.reading import Artifact
from jobs.kinds.parquet import MAX_FOOTER_BYTES, ParquetFile
from jobs.strict_json import memory_needed, parse
from jobs.words import listed, shown

FEATURES = b"huggingface"
_PLAIN = (
    pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_null,
    pa.types.is_string, pa.types.is_large_string, pa.types.is_date, pa.types.is_timestamp,
)  # fmt: skip
_LISTS = (pa.types.is_list, pa.types.is_large_list)


def read_items(bundle: Artifact, path: str, columns: Sequence[str]) -> pa.Table:
    """The items of one split, in all its columns. Raises BadInputError where it lacks `columns`."""
    file = ParquetFile.of(bundle, path)
    if missing := [name for name in columns if name not in file.schema.names]:
        raise file.error(f"it lacks the columns {listed(missing)}")
    for field in file.schema:
        if not _is_plain(field.type):
            raise file.error(f"column {shown(field.name)} is of type {shown(str(field.type))}")
    table = file.table()
    if not table.num_rows:
        raise file.error("it has no items")
    with file.checked():
        for column in table.columns:
            if "date" in str(column.type) or "timestamp" in str(column.type):
                column.to_pylist()  # some are no times of Python
        classes = _classes(file.schema, file.where)
    metadata = {FEATURES: json.dumps({"info": {"features": classes}})} if classes else None
    return table.replace_schema_metadata(metadata)


def _is_plain(kind: pa.DataType) -> bool:
    if any(test(kind) for test in _LISTS):
        return _is_plain(kind.value_type)
    if pa.types.is_struct(kind):
        names = {field.name for field in kind}
        return len(names) == kind.num_fields and all(_is_plain(field.type) for field in kind)
    return any(test(kind) for test in _PLAIN)


def _classes(schema: pa.Schema, where: str) -> dict[str, dict[str, Any]]:
    """Of each column of class labels: its feature, which is the names of the classes and no more.

    Raises what is wrong as an exception of Python's, or BadInputError.
    """
    text = (schema.metadata or {}).get(FEATURES, b"{}")
    said = parse(text, f"metadata of {where}", memory_needed(MAX_FOOTER_BYTES, 2**20))
    for key in ("info", "features"):
        said = said.get(key) or {} if isinstance(said, dict) else said
    if not isinstance(said, dict):
        raise TypeError(f"its metadata {FEATURES.decode()} is no object")
    found = {}
    for name in schema.names:
        feature = said.get(name)
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel":
            names = feature.get("names")
            if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
                raise TypeError(f"the classes of {name} have no names")
            found[name] = {"names": names, "_type": "ClassLabel"}
    return found
