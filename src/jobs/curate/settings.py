"""Settings of the curate job."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from jobs.command.settings import SharedSettings, Uri, artifact_input
from jobs.kinds.promises import KeptArticles


class CurateSettings(SharedSettings):
    """Removes older captures, exact duplicates and articles of unsuitable length.

    What went is counted and listed by rule.
    """

    job: ClassVar[str] = "curate"
    example: ClassVar[str] = (
        "--articles /data/articles --min-characters 500 --out /data/articles-clean"
    )
    kind: ClassVar[str] = "articles"
    version: ClassVar[str] = "2"
    promises = KeptArticles

    articles: Annotated[Uri, artifact_input("articles")]
    """URI of the crawled articles."""
    min_characters: int = Field(200, ge=0, le=10**9)
    """Shortest body that is kept, in characters."""
    max_characters: int = Field(100_000, ge=1, le=10**9)
    """Longest body that is kept, in characters."""

    @model_validator(mode="after")
    def _limits_in_order(self) -> Self:
        if self.min_characters > self.max_characters:
            raise ValueError(
                f"--min-characters {self.min_characters} is greater than "
                f"--max-characters {self.max_characters}; no article could be kept"
            )
        return self
