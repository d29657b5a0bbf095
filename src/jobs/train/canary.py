"""Proof, before the first step, that no document sees another on the attention kernel in use.

It looks at the logits, not at the mask: two rows that differ in their first document alone must
give the same logits for the second.
"""

import torch

from jobs.errors import BadInputError

DOCUMENT_TOKENS = 8
TOLERANCE = 1e-3


@torch.no_grad()
def check_isolation(model: torch.nn.Module, vocabulary: int, device: torch.device) -> float:
    """Largest difference of the second document's logits, relative to their spread.

    Raises BadInputError above the tolerance: training would mix documents.
    """
    n = DOCUMENT_TOKENS
    generator = torch.Generator().manual_seed(0)
    first, other, second = torch.randint(vocabulary, (3, n), generator=generator)
    rows = torch.stack([torch.cat([first, second]), torch.cat([other, second])]).to(device)
    positions = torch.arange(n).repeat(2).expand(2, -1).to(device)
    logits = model(input_ids=rows, position_ids=positions, use_cache=False).logits[:, n:].float()
    if not torch.isfinite(logits).all():
        raise BadInputError(
            "--model computes values that are not finite, before any training: its weights or a "
            "number in its config.json are damaged; import the model again"
        )
    leak = float((logits[0] - logits[1]).abs().max() / logits.std())
    if not leak <= TOLERANCE:
        raise BadInputError(
            f"attention leaks between documents (relative difference {leak:.2g}); "
            "this attention kernel ignores position_ids; choose another"
        )
    return leak
