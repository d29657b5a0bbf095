"""What a bundle's ``suite.json`` says: the suite, and which data each of its tasks was sealed with.

In a bundle, a data set's split lies at ``data/<dataset path>/[<config>/]<split>.parquet``, once,
however many tasks read it, and NLTK's sentence model below ``nltk_data/``.
"""

from pathlib import PurePosixPath

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.records import Record
from jobs.suites.suite import Suite, shipped_suite, suite_names
from jobs.words import shown

SUITE_FILE = "suite.json"
MAX_SUITE_BYTES = 2**20
SEAL_AGAIN = "delete it, and the same run seals it again (or python -m jobs.bundle)"
"""What to do about a bundle that will not do; one that is there is not made again by itself."""
SENTENCE_MODEL = "tokenizers/punkt_tab/english"
SENTENCE_MODEL_FILES = (
    "abbrev_types.txt",
    "collocations.tab",
    "ortho_context.tab",
    "sent_starters.txt",
)


class DataSet(Record):
    """A data set of one config: where it lies on the hub, and so in mirrors and bundles."""

    path: str
    config: str | None = None
    revision: str | None = None
    """The hub's commit that was sealed; None where it came from a folder."""

    def file(self, split: str, suffix: str) -> str:
        """The relative path of one split, as ``allenai/ai2_arc/ARC-Easy/test.jsonl``."""
        return str(PurePosixPath(self.path, self.config or "", f"{split}.{suffix}"))

    def sealed_file(self, split: str) -> str:
        """The path of one split in a bundle."""
        return f"data/{self.file(split, 'parquet')}"


class Subtask(Record):
    """One single task of lm-eval, and the splits it reads with the suite's number of shots."""

    name: str
    version: str
    data: DataSet
    eval_split: str
    fewshot_split: str | None = None

    @property
    def splits(self) -> tuple[str, ...]:
        both = (self.eval_split, self.fewshot_split)
        return tuple(dict.fromkeys(split for split in both if split))


class SealedSuite(Record):
    """The suite as resolved against one version of lm-eval."""

    suite: Suite
    lm_eval_version: str
    subtasks: dict[str, tuple[Subtask, ...]]
    """Name of the suite's task → the single tasks it consists of."""

    @classmethod
    def of(cls, bundle: Artifact) -> "SealedSuite":
        """The suite of a bundle: this version's of that name, or the user's own.

        Raises BadInputError where it cannot be read, or is another: a suite says which folder of
        lm-eval's code runs, so it never comes from the store. An own one is what the digest at
        the end of its name says, and its bundle lies at a place of that name, which whoever asks
        for the bundle gives.
        """
        where = f"{bundle.uri}/{SUITE_FILE}"
        if SUITE_FILE in bundle and bundle.size(SUITE_FILE) > MAX_SUITE_BYTES:
            raise BadInputError(f"{where} has more than {MAX_SUITE_BYTES} bytes; {SEAL_AGAIN}")
        sealed = cls.parse(bundle.read(SUITE_FILE), f"{where} is not understood ({SEAL_AGAIN})")
        name = sealed.suite.name
        if name not in suite_names():
            if bundle.uri.rpartition("/")[2] != name:
                raise BadInputError(
                    f"{where} names the suite {shown(name)}; there are: "
                    f"{', '.join(suite_names())}, and your own in bundles that end with their name"
                )
            try:
                sealed.suite.check_name()
            except ValueError as error:
                raise BadInputError(f"{where}: {error}; {SEAL_AGAIN}") from error
        elif sealed.suite != shipped_suite(name):
            raise BadInputError(
                f"bundle {bundle.uri} was sealed for another suite {name!r} than the one of this "
                f"version; {SEAL_AGAIN}"
            )
        return sealed
