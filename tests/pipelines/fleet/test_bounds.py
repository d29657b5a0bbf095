"""Numbers beyond reason: every number of every job has a least and a most."""

import math
from typing import Any, get_args

import pytest
from pydantic.fields import FieldInfo

from jobs.errors import BadInputError
from pipelines.fleet.placement import Placement
from pipelines.fleet.sections import JOBS, STAND_INS, section_fields

NUMBERS = [
    (job, name, field)
    for job, settings in JOBS.items()
    for name, field in settings.model_fields.items()
    if {int, float} & {field.annotation, *get_args(field.annotation)}
    or "int" in str(field.annotation)
]


def bounds(field: FieldInfo) -> dict[str, float]:
    """The field's own, or those within ``Annotated[…] | None``."""
    inner = [
        item for kind in get_args(field.annotation) for item in getattr(kind, "__metadata__", ())
    ]
    marks: list[Any] = [*field.metadata, *inner]
    marks += [mark for item in inner for mark in getattr(item, "metadata", ())]
    return {
        name: value
        for mark in marks
        for name in ("ge", "gt", "le", "lt")
        if (value := getattr(mark, name, None)) is not None
    }


@pytest.mark.parametrize(("job", "field"), [(job, name) for job, name, _ in NUMBERS], ids=str)
def test_every_number_is_bounded_on_both_sides(job: str, field: str) -> None:
    found = bounds(JOBS[job].model_fields[field])
    assert found.keys() & {"ge", "gt"}, found
    assert found.keys() & {"le", "lt"}, found
    assert all(map(math.isfinite, found.values()))


def test_there_are_numbers() -> None:
    assert len(NUMBERS) >= 25


@pytest.mark.parametrize(
    "value", ["1e29", "1" + "0" * 30, "-1", "0x10", "1e999", "nan", "1" * 5000]
)
@pytest.mark.parametrize(
    ("job", "flag"),
    [("train", "epochs"), ("pack", "token-budget"), ("crawl", "processes"), ("evaluate", "limit"),
     ("merge", "max-bytes"), ("train", "learning-rate"), ("curate", "max-characters")],
)  # fmt: skip
def test_numbers_that_no_machine_takes(job: str, flag: str, value: str) -> None:
    names = JOBS[job].model_fields.keys() - section_fields(job).keys()
    others = [f"--{name.replace('_', '-')}={STAND_INS.get(name) or '/'}" for name in names]
    with pytest.raises(BadInputError, match=rf"^--{flag} .* is wrong: ") as caught:
        JOBS[job].from_flags([f"--{flag}={value}", *others])
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("field", ["train_gpus", "evaluate_gpus", "gpu_memory"])
def test_numbers_of_a_placement(field: str) -> None:
    for value in (-1, 10**30, 1e29):
        with pytest.raises(ValueError, match=field):
            Placement.model_validate({field: value})
