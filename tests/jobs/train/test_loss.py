"""The loss by parts is the loss of all logits, with its gradients, of every architecture."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from jobs.errors import BadInputError
from jobs.kinds.rows import Row
from jobs.train.attention import DOCUMENTS, implementation
from jobs.train.batches import collate
from jobs.train.canary import check_isolation
from jobs.train.loss import IGNORED, Loss
from tests.jobs.train.networks import (
    ARCHITECTURES,
    HIDDEN,
    LEAKING,
    MASKED,
    VOCABULARY,
    config,
    network,
)

CPU = torch.device("cpu")
LENGTHS = [[9, 15], [20, 3]]
TOKENS = 24
TOLERANCE = 1e-5
"""Relative, of float32 (the issue's)."""


def rows(lengths: list[list[int]], masked: bool = False, seed: int = 0) -> list[Row]:
    generator = torch.Generator().manual_seed(seed)
    made = []
    for row in lengths:
        ids = torch.randint(VOCABULARY, (sum(row),), generator=generator).tolist()
        mask = (torch.rand(sum(row), generator=generator) < 0.5).tolist() if masked else None
        made.append(Row.of(ids, row, mask))
    return made


def document_by_document(net: Any, batch: list[Row]) -> torch.Tensor:
    """The loss by its definition: each document alone, all its logits at once."""
    total = torch.zeros(())
    for row in batch:
        start = 0
        for length in row.lengths:
            ids = torch.tensor(row.ids[None, start : start + length]).long()
            labels = ids.clone()
            if row.loss_mask is not None:
                labels[0, torch.tensor(~row.loss_mask[start : start + length])] = IGNORED
            logits = net(input_ids=ids, use_cache=False).logits
            total = total + cross_entropy(
                logits[0, :-1].float(), labels[0, 1:], ignore_index=IGNORED, reduction="sum"
            )
            start += length
    return total


def gradients(net: Any, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    net.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return {name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}


def assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    largest = max(float(one.abs().max()) for one in expected.values())
    for name, one in expected.items():
        assert float((found[name] - one).abs().max()) < TOLERANCE * largest, name


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name not in LEAKING])
def test_as_document_by_document(architecture: str) -> None:
    chosen = implementation(config(architecture))
    assert chosen == (None if architecture in MASKED else DOCUMENTS)
    batch = rows(LENGTHS, masked=True)
    plain = network(architecture, "eager")
    expected = document_by_document(plain, batch)
    of_it = gradients(plain, expected * 0.1)
    net = network(architecture, chosen)
    loss = Loss(net, chunk_tokens=7)
    found = loss(**collate(batch, TOKENS).to(CPU))
    assert found.item() == pytest.approx(expected.item(), rel=TOLERANCE)
    assert_same(gradients(net, found * 0.1), of_it)
    with torch.no_grad():
        assert loss(**collate(batch, TOKENS).to(CPU)).item() == pytest.approx(found.item())
    assert check_isolation(loss, TOKENS, CPU) < TOLERANCE


@pytest.mark.parametrize("architecture", LEAKING)
def test_an_architecture_that_mixes_documents_is_refused(architecture: str) -> None:
    """What transformers makes of it knows positions, and no documents."""
    loss = Loss(network(architecture, implementation(config(architecture))))
    with pytest.raises(BadInputError, match="attention leaks between documents"):
        check_isolation(loss, TOKENS, CPU)


documents = st.lists(st.integers(1, 12), min_size=1, max_size=4)


@settings(max_examples=25, deadline=None)
@given(st.lists(documents, min_size=1, max_size=3), st.booleans(), st.integers(1, 60))
def test_any_rows_in_any_parts(lengths: list[list[int]], masked: bool, chunk: int) -> None:
    batch = rows(lengths, masked)
    net = network("tied", DOCUMENTS)
    loss = Loss(net, chunk_tokens=chunk)
    found = loss(**collate(batch, 48).to(CPU))
    of_it = gradients(net, found)
    net = network("tied", "eager")
    expected = document_by_document(net, batch)
    assert found.item() == pytest.approx(expected.item(), rel=TOLERANCE, abs=TOLERANCE)
    if expected.requires_grad and expected.item():
        assert_same(of_it, gradients(net, expected))


def test_no_more_logits_are_held_than_a_part() -> None:
    """Neither while the head works, nor for the backward pass."""
    loss = Loss(network("llama", DOCUMENTS), chunk_tokens=5)
    whole, seen, kept = loss.head.logits, list[int](), list[torch.Size]()

    def logits(hidden: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        seen.append(len(hidden))
        return whole(hidden, *parameters)

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.shape)
        return tensor

    loss.head.logits = logits  # type: ignore[method-assign]
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss(**collate(rows(LENGTHS), TOKENS).to(CPU))
    assert sum(seen) == sum(row.labelled_tokens for row in rows(LENGTHS))
    assert max(seen) == 5
    tokens = [shape[0] for shape in kept if shape[1:] == (VOCABULARY,) and shape[0] != HIDDEN]
    assert max(tokens, default=0) <= 5  # beside the head's weights


def test_the_canary_finds_a_leak() -> None:
    loss = Loss(network("llama", "sdpa"))
    whole = loss.hidden

    def leaky(input_ids: torch.Tensor, **told: Any) -> torch.Tensor:
        """Without the positions' restarts, as a kernel does that knows nothing of documents."""
        told["position_ids"] = torch.arange(TOKENS).expand(2, -1)
        return whole(input_ids, **told)

    loss.hidden = leaky  # type: ignore[method-assign]
    with pytest.raises(BadInputError, match="attention leaks between documents"):
        check_isolation(loss, TOKENS, CPU)


def test_a_model_of_no_numbers_is_no_leak() -> None:
    net = network("llama")
    next(net.parameters()).data.fill_(float("nan"))
    with pytest.raises(BadInputError, match="values that are not finite, before any training"):
        check_isolation(Loss(net), TOKENS, CPU)
