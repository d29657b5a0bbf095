"""What can be seen of the inputs before any process is started."""

from collections.abc import Mapping

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.promises import PackedRows
from jobs.kinds.rows import sequence_length
from jobs.kinds.vocabulary import ordinary_digest


def check_rows(inputs: Mapping[str, Artifact]) -> None:
    """Raises BadInputError for rows that the model, or the other rows, do not fit."""
    for flag in ("rows", "replay"):
        if flag in inputs:
            _check_vocabulary(inputs["model"], flag, inputs[flag])
    if "replay" in inputs:
        lengths = {flag: sequence_length(inputs[flag]) for flag in ("rows", "replay")}
        if len(set(lengths.values())) > 1:
            raise BadInputError(
                f"--replay {inputs['replay'].uri} has rows of {lengths['replay']} tokens, --rows "
                f"of {lengths['rows']}; pack both with the same --sequence-length"
            )


def _check_vocabulary(model: Artifact, flag: str, rows: Artifact) -> None:
    """Of another tokenizer's ids: to the model they are noise."""
    packed = PackedRows.told(rows.statistics, rows.uri)
    if packed.vocabulary is None or packed.vocabulary == ordinary_digest(model):
        return
    tokenizer = rows.manifest.inputs["tokenizer"].uri
    raise BadInputError(
        f"--{flag} {rows.uri} were packed with the tokenizer of {tokenizer}, whose tokens or ids "
        f"are not those of --model {model.uri}; pack them with --tokenizer {model.uri}"
    )
