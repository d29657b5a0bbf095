"""What can be seen of the inputs before any process is started."""

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.promises import PackedRows
from jobs.kinds.vocabulary import ordinary_digest


def check_vocabulary(model: Artifact, rows: Artifact) -> None:
    """Raises BadInputError for rows of another tokenizer's ids: to the model they are noise."""
    packed = PackedRows.told(rows.statistics, rows.uri)
    if packed.vocabulary is None or packed.vocabulary == ordinary_digest(model):
        return
    tokenizer = rows.manifest.inputs["tokenizer"].uri
    raise BadInputError(
        f"--rows {rows.uri} were packed with the tokenizer of {tokenizer}, whose tokens or ids are "
        f"not those of --model {model.uri}; pack them with --tokenizer {model.uri}"
    )
