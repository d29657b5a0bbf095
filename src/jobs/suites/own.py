"""A task of the user's own, as data: what lm-eval's YAML may say, less all that could run code.

Refused, for lm-eval would import, fetch or run it: functions (``!function``, ``class``,
``process_docs``), metrics of the library ``evaluate``, unsafe code, prompts of other packages,
generation settings that transformers takes code from. Jinja templates are rendered in a sandbox.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from jobs.artifacts.hashing import Digest
from jobs.records import Record
from jobs.validation import Shape

LOCAL = "own"
"""The first step of the path of a data set that lies in files beside its task."""
TaskName = Annotated[str, Shape(r"^[a-z0-9][a-z0-9_-]*$", "small letters, digits, _ and -", 63)]
Words = Annotated[str, Field(max_length=20_000)]
DataSetId = Annotated[
    str,
    Shape(
        r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$",
        "a data set's id on the hub (owner/name), or json or parquet with data_files",
        200,
    ),
]
Split = Annotated[str, Shape(r"^[A-Za-z0-9_]+$", "the name of a split, as test", 63)]


class _Part(Record):
    model_config = ConfigDict(use_attribute_docstrings=True, allow_inf_nan=False)


class Generation(_Part):
    """How answers are generated; no other setting of lm-eval's or transformers' is passed on."""

    until: tuple[str, ...] | str | None = None
    """What ends an answer."""
    max_gen_toks: int | None = Field(None, ge=1)
    """Most tokens of an answer."""
    do_sample: bool | None = None
    temperature: float | None = Field(None, ge=0)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=1)

    def given(self) -> dict[str, Any]:
        """As lm-eval takes it."""
        values = self.model_dump(exclude_none=True)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


class OwnMetric(_Part):
    """A metric that lm-eval computes itself."""

    metric: Literal[
        "acc", "acc_norm", "acc_bytes", "exact_match", "perplexity", "word_perplexity",
        "byte_perplexity", "bits_per_byte",
    ]  # fmt: skip
    aggregation: (
        Literal["mean", "median", "perplexity", "weighted_perplexity", "bits_per_byte"] | None
    ) = None
    higher_is_better: bool | None = None
    ignore_case: bool | None = None
    ignore_punctuation: bool | None = None
    ignore_numbers: bool | None = None
    regexes_to_ignore: tuple[str, ...] | None = None


class FilterStep(_Part):
    """One step from what a model generated to the answer."""

    function: Literal[
        "regex", "remove_whitespace", "take_first", "lowercase", "uppercase", "majority_vote"
    ]
    regex_pattern: Words | None = None
    group_select: int | None = None
    fallback: str | None = None


class OwnFilter(_Part):
    """A named chain of such steps; a column's metric names it after a comma."""

    name: Annotated[str, Shape(r"^[a-z0-9][a-z0-9_-]*$", "small letters, digits, _ and -", 63)]
    filter: tuple[FilterStep, ...] = Field(min_length=1)


class Version(_Part):
    """lm-eval's metadata of a task."""

    version: float = 1.0


class DataFile(_Part):
    """A local file with the items of one split."""

    sha256: Digest
    suffix: Literal["jsonl", "parquet"]
    path: str | None = None
    """Where it lies on the machine that read the suite; no part of what a suite is."""


class OwnTask(_Part):
    """A task's definition; the fields are lm-eval's."""

    task: TaskName
    dataset_path: DataSetId
    dataset_name: DataSetId | None = None
    data_files: Mapping[Split, DataFile] = {}
    """Split → file, where the items lie beside the task."""
    output_type: Literal["multiple_choice", "generate_until", "loglikelihood"]
    training_split: Split | None = None
    validation_split: Split | None = None
    test_split: Split | None = None
    fewshot_split: Split | None = None
    description: Words = ""
    doc_to_text: Words
    doc_to_target: Words | int
    doc_to_choice: Words | tuple[Words, ...] | None = None
    target_delimiter: Words = " "
    fewshot_delimiter: Words = "\n\n"
    generation_kwargs: Generation | None = None
    repeats: int = Field(1, ge=1, le=64)
    metric_list: tuple[OwnMetric, ...] = Field(min_length=1)
    filter_list: tuple[OwnFilter, ...] | None = None
    metadata: Version = Version()
    tag: str | tuple[str, ...] | None = None
    """What lm-eval groups it by; of no use here."""

    @model_validator(mode="after")
    def _has_items(self) -> "OwnTask":
        if not (self.test_split or self.validation_split):
            raise ValueError("names no split to score; give test_split or validation_split")
        named = (self.training_split, self.validation_split, self.test_split, self.fewshot_split)
        missing = [split for split in named if split and split not in self.data_files]
        if self.data_files and missing:
            raise ValueError(
                f"its data_files lack the split {missing[0]}; there are "
                f"{', '.join(self.data_files)}"
            )
        return self

    def config(self) -> dict[str, Any]:
        """As lm-eval takes it, but for the items."""
        config = self.model_dump(
            exclude_none=True,
            exclude={"data_files", "dataset_path", "dataset_name", "tag", "generation_kwargs"},
        )
        config["metric_list"] = [dict(metric) for metric in config["metric_list"]]
        config["dataset_path"], config["dataset_name"] = self.data_path, self.dataset_name
        if isinstance(self.doc_to_choice, tuple):
            config["doc_to_choice"] = list(self.doc_to_choice)
        if self.output_type == "generate_until" and self.generation_kwargs:
            config["generation_kwargs"] = self.generation_kwargs.given()
        return config

    @property
    def data_path(self) -> str:
        """The data set's path in a bundle."""
        return str(PurePosixPath(LOCAL, self.task)) if self.data_files else self.dataset_path
