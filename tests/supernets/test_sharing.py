"""Which spaces share their weights by role."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

import bonas
from bonas.errors import InvalidArgument
from bonas.spaces import Choices, MobileSpace
from bonas.spaces.mobile.plan import MobilePlan
from bonas.spaces.planned import PlannedSpace
from bonas.supernets import Supernet
from bonas.supernets.sharing import BUILT_IN, SharingByRole, sharing_of


class _Narrow(MobileSpace):
    def plan(self, choices: Choices) -> MobilePlan:
        return replace(super().plan(choices), head=32)


class _Wrapped(MobileSpace):
    def build(self, choices: Choices) -> nn.Module:
        return nn.Sequential(super().build(choices), nn.Linear(10, 2))


def test_a_subclass_with_a_plan_of_its_own_shares_like_its_parent() -> None:
    space = _Narrow.small()
    supernet = Supernet(space)
    supernet.cover(space.completed({}))
    assert supernet.store["head.4.weight"].shape == (10, 32)
    assert "stage1.block1.depthwise.convolution.weight" in supernet.store


def test_a_subclass_that_builds_otherwise_does_not_share_by_its_parents_roles() -> None:
    """Names of its parameters are not those that the roles know."""
    try:
        sharing = sharing_of(_Wrapped.small())
    except InvalidArgument:
        return
    assert not isinstance(sharing, SharingByRole)


def test_every_space_that_comes_with_bonas_has_roles() -> None:
    planned = {
        space
        for space in vars(bonas.spaces).values()
        if isinstance(space, type) and issubclass(space, PlannedSpace) and space.network
    }
    assert len(planned) >= len(BUILT_IN)
    assert all(any(issubclass(space, of) for of in BUILT_IN) for space in planned)
