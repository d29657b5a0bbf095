"""Proof, before the first step, that no document sees another on the attention kernel in use.

It looks at what the network makes of the tokens, not at a mask: two rows that differ in their first
document alone must give the same for the second. The rows are as long as those to come, as kernels
are chosen by length, too.
"""

import torch

from jobs.errors import BadInputError
from jobs.kinds.rows import Row
from jobs.train.batches import collate
from jobs.train.loss import Loss

TOLERANCE = 1e-3


@torch.no_grad()
def check_isolation(loss: Loss, sequence_length: int, device: torch.device) -> float:
    """Largest difference of the second document's hidden states, relative to their spread.

    Raises BadInputError above the tolerance: training would mix documents.
    """
    n = sequence_length // 2
    generator = torch.Generator().manual_seed(0)
    first, other, second = torch.randint(loss.vocabulary, (3, n), generator=generator).tolist()
    rows = [Row.of([*one, *second], [n, n]) for one in (first, other)]
    given = collate(rows, 2 * n).to(device)
    del given["labels"]
    loss.eval()  # no dropout
    hidden = loss.hidden(**given)[:, n:].float()  # [2, n, H]
    loss.train()
    if not torch.isfinite(hidden).all():
        raise BadInputError(
            "--model computes values that are not finite, before any training: its weights or a "
            "number in its config.json are damaged; import the model again"
        )
    leak = float((hidden[0] - hidden[1]).abs().max() / hidden.std())
    if not leak <= TOLERANCE:
        raise BadInputError(
            f"attention leaks between documents (relative difference {leak:.2g}): a model of this "
            "architecture cannot be trained on packed rows; take another one"
        )
    return leak
