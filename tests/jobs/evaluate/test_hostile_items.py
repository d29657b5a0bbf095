"""Items that an attacker wrote: text that is never a template or code, or refused in one line."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from tests.jobs.evaluate.test_evaluate import metrics, score
from tests.jobs.evaluate.test_hostile_bundles import changed
from tests.support.hub_mirror import piqa_rows

PIQA = "data/baber/piqa/validation.parquet"
QUESTION = "Question: {{goal}}\nAnswer:"
"""lm-eval's template; where a column has its name, the column is taken."""


class Named(pa.ExtensionType):  # type: ignore[misc]  # pyarrow has no types
    """A column type that whoever reads a file may have to build from bytes in it."""

    def __init__(self) -> None:
        super().__init__(pa.string(), "tests.named")

    def __arrow_ext_serialize__(self) -> bytes:
        return b"cos\nsystem\n"

    @classmethod
    def __arrow_ext_deserialize__(cls, _storage: object, _data: bytes) -> "Named":
        raise AssertionError("read")


def parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()


def piqa(**columns: Any) -> pa.Table:
    """Piqa's items with other columns; None leaves one out."""
    table = pa.Table.from_pylist(piqa_rows(5)).to_pydict() | columns
    return pa.table({name: column for name, column in table.items() if column is not None})


def noted(feature: Any) -> pa.Table:
    """With a note that the column goal is of this feature."""
    kept = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    goals = pa.array([{"bytes": None, "path": "/etc/hostname"}] * 5, kept)
    info = {"info": {"features": {"goal": feature}}}
    return piqa(goal=goals).replace_schema_metadata({"huggingface": json.dumps(info)})


def classes(*names: str) -> pa.Table:
    """With a note that the labels are these classes."""
    features = {"label": {"_type": "ClassLabel", "names": names}}
    return piqa().replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})}
    )


BROKEN: dict[str, Callable[[], bytes]] = {
    "text": lambda: b"goal,sol1\n",
    "empty": lambda: b"",
    "cut": lambda: parquet(piqa())[:-9],
    "no column": lambda: parquet(piqa(sol1=None)),
    "an image": lambda: parquet(noted({"_type": "Image"})),
    "a sound": lambda: parquet(noted({"_type": "Audio", "sampling_rate": None})),
    "a video": lambda: parquet(noted({"_type": "Video"})),
    "unknown feature": lambda: parquet(noted({"_type": "own.Feature"})),
    "a note that is no JSON": lambda: parquet(
        piqa().replace_schema_metadata({"huggingface": b"{"})
    ),
    "numbers for texts": lambda: parquet(piqa(sol1=[1, 2, 3, 4, 5])),
    "a far label": lambda: parquet(piqa(label=[99] * 5)),
    "objects": lambda: parquet(piqa(label=[{"a": 1}] * 5)),
    "no label": lambda: parquet(piqa(label=pa.array([None] * 5, pa.int64()))),
    "a label of no number": lambda: parquet(piqa(label=[float("nan")] * 5)),
    "the least label": lambda: parquet(piqa(label=[-(2**63)] * 5)),
    "no answer": lambda: parquet(piqa(sol1=pa.array([None] * 5, pa.string()))),
    "empty answers": lambda: parquet(piqa(sol1=[""] * 5, sol2=[""] * 5)),
    "answers that are objects": lambda: parquet(piqa(sol1=[{"a": "b"}] * 5)),
    "a column in place of the question": lambda: parquet(
        piqa(**{QUESTION: pa.array([None] * 5, pa.string())})
    ),
    "a column in place of the answers": lambda: parquet(piqa(**{"{{[sol1, sol2]}}": [1] * 5})),
    "one class twice": lambda: parquet(classes("a", "a")),
}


@pytest.mark.parametrize("how", BROKEN)
def test_items_that_are_none_are_refused(
    base: Artifact,
    demo_bundle: Artifact,
    tmp_path: Path,
    how: str,
) -> None:
    bundle = changed(demo_bundle, tmp_path, **{PIQA: BROKEN[how]()})
    with pytest.raises(BadInputError) as caught:
        score(tmp_path / "out", base, "piqa", bundle=bundle.uri)
    assert str(caught.value).isprintable()
    assert bundle.uri in str(caught.value)


def test_a_columns_own_type_is_not_built(
    base: Artifact, demo_bundle: Artifact, tmp_path: Path
) -> None:
    goals = pa.ExtensionArray.from_storage(Named(), pa.array([str(n) for n in range(5)]))
    pa.register_extension_type(Named())
    data = parquet(piqa(goal=goals))
    pa.unregister_extension_type("tests.named")
    bundle = changed(demo_bundle, tmp_path, **{PIQA: data})
    assert set(metrics(score(tmp_path / "out", base, "piqa", bundle=bundle.uri))) >= {"acc"}


def test_what_looks_like_a_template_or_code_is_text(
    base: Artifact, demo_bundle: Artifact, tmp_path: Path
) -> None:
    """Also in a label, which lm-eval's templates read as a literal of Python."""
    mark = tmp_path / "ran"
    call = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    template = f"{{{{ cycler.__init__.__globals__.os.system('touch {mark}') }}}}"
    endless = "{% for i in range(10**12) %}{% endfor %}"
    hostile = [template, endless, call, f"[{call}]", f"{{{call}: 1}}"]
    for number, columns in enumerate(({"goal": hostile, "sol1": hostile}, {"label": hostile})):
        data = parquet(piqa(**columns))
        bundle = changed(demo_bundle, tmp_path / f"{number}", **{PIQA: data})
        scores = score(tmp_path / f"out-{number}", base, "piqa", bundle=bundle.uri)
        assert set(metrics(scores)) == {"acc", "acc_norm"}
    assert metrics(scores) == {"acc": 0.0, "acc_norm": 0.0}
    assert not mark.exists()
