"""What counts as live: each storage once, until the last tensor of it is gone."""

from __future__ import annotations

import torch

from bonas.evaluation.memory.live_bytes import LiveBytes


def test_a_storage_counts_once_and_until_it_is_gone() -> None:
    given = torch.zeros(10)
    with LiveBytes([given, given.view(2, 5)]) as live:
        first = given + 1  # 40 bytes more
        view = first[:5]
        del first
        second = torch.ones(3, dtype=torch.float64)  # 24 bytes
        del view
        third = second * 2
    assert live.timeline == [40, 80, 80, 104, 88]
    assert len(third) == 3


def test_the_backward_pass_is_seen() -> None:
    weight = torch.ones(100, requires_grad=True)
    with LiveBytes([weight]) as live:
        weight.exp().sum().backward()  # type: ignore[no-untyped-call]  # untyped in torch
    assert weight.grad is not None
    assert live.timeline[-1] >= 800  # weight and gradient
    assert max(live.timeline) >= 1200  # the exponentials are kept for it
