"""Conversations and articles as one stream of documents, the articles in their share."""

from collections.abc import Iterator

import numpy as np

from jobs.command.progress import Progress
from jobs.errors import BadInputError
from jobs.kinds.rows import TRAIN
from jobs.pack.choosing import article_budget, share_of
from jobs.pack.conversations import Conversations
from jobs.pack.corpus import Corpus
from jobs.pack.packing import Document
from jobs.pack.settings import PackSettings


def chosen_articles(
    corpus: Corpus, settings: PackSettings, progress: Progress
) -> Iterator[Document]:
    """All articles to train on, or a fair sample within the budget."""
    if settings.token_budget is None:
        yield from corpus.all(TRAIN, progress)
    else:
        with corpus.sample(settings.token_budget, progress) as sample:
            yield from corpus.sampled(sample, progress)


def mixed(
    conversations: Conversations, corpus: Corpus, share: float, progress: Progress
) -> Iterator[Document]:
    """All conversations, then articles that are `share` of the tokens, less a part of one article.

    Training shuffles the rows. Of an article all tokens carry loss. Raises BadInputError where
    there are too few articles.
    """
    yield from conversations.documents()
    told = conversations.packed["tokens"]
    budget = article_budget(told, share)
    with corpus.sample(budget, progress) as sample:
        if (there := sample.tokens) < budget:
            raise BadInputError(
                f"--article-share {share} asks for {budget} tokens of articles beside {told} of "
                f"conversations, and there are {there}; give more articles, or a share of at most "
                f"{share_of(there, there + told)}"
            )
        for document in corpus.sampled(sample, progress):
            yield Document(document.ids, np.ones(len(document.ids), dtype=bool))
