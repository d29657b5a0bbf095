"""Settings of the pack job."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from jobs.command.quantity import Count
from jobs.command.settings import JobSettings, Uri, artifact_input
from jobs.kinds.promises import PackedRows


class PackSettings(JobSettings):
    """Tokenises articles, conversations or both and packs them, whole where they fit, into rows.

    Of several captures of a URL the newest is packed; the others are counted (`older_captures`).
    """

    job: ClassVar[str] = "pack"
    example: ClassVar[str] = (
        "--articles /data/articles-clean --tokenizer /data/base --token-budget 100M "
        "--out /data/rows"
    )
    kind: ClassVar[str] = "rows"
    version: ClassVar[str] = "2"
    promises = PackedRows

    articles: Annotated[Uri | None, artifact_input("articles")] = None
    """URI of articles, for continued pre-training; or plain text beside conversations."""
    conversations: Annotated[Uri | None, artifact_input("conversations")] = None
    """URI of conversations, for instruction tuning; only the assistant's tokens carry loss."""
    tokenizer: Annotated[Uri, artifact_input("model")]
    """URI of the model whose tokenizer (and chat template) is used."""
    sequence_length: int = Field(4096, ge=8, le=2**24)
    """Tokens in a row."""
    token_budget: Annotated[Count, Field(ge=1, le=10**15)] | None = None
    """Most new tokens to pack (100M, 1B), never exceeded; default: all there are."""
    article_share: float | None = Field(None, gt=0.0, lt=1.0)
    """Share of the tokens that are of articles, where both are given: all conversations, and
    articles drawn by the digest of their URL; all tokens of articles carry loss."""
    heldout_fraction: float = Field(0.01, ge=0.0, lt=1.0)
    """Share of the articles, chosen by the digest of their URL, kept out of training."""

    @model_validator(mode="after")
    def _sources(self) -> Self:
        if self.articles is None and self.conversations is None:
            raise ValueError("give --articles, --conversations, or both with --article-share")
        both = self.articles is not None and self.conversations is not None
        if both and self.article_share is None:
            raise ValueError("--articles beside --conversations need --article-share, such as 0.5")
        if self.article_share is not None and not both:
            raise ValueError("--article-share is for --articles beside --conversations; give both")
        if self.conversations is not None and self.token_budget is not None:
            raise ValueError("--token-budget is for --articles alone; leave it out")
        return self
