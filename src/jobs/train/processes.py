"""What the processes of one training say of each other."""

from torch import distributed


def of_a_peer(error: Exception) -> bool:
    """Whether another process failed, and this one waited for it. gloo has no type for it."""
    return isinstance(error, distributed.DistError) or "/gloo/" in str(error)
