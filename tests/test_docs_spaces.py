"""The space that docs/spaces.md adds to bonas keeps the contracts and is searched."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import bonas
from bonas.encoders.blocks import ENCODERS
from bonas.errors import InvalidData, InvalidSpace
from bonas.evaluation import Candidate
from bonas.spaces import PlannedSpace
from bonas.testing import EncoderContract, SpaceContract

PAGE = Path(__file__).parents[1] / "docs" / "spaces.md"
FILE = r"```python\n# (?:bonas|tests)/spaces/funnels/(\w+)\.py\n(.*?)```"


@pytest.fixture(scope="module", autouse=True)
def folder() -> Iterator[dict[str, ModuleType]]:
    """Import the modules of the page under the names that they have there."""
    found = {"": ModuleType("bonas.spaces.funnels")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "bonas.spaces.funnels", found[""])
        for name, code in re.findall(FILE, PAGE.read_text(), re.S):
            full = f"bonas.spaces.funnels.{name}"
            found[name] = module = ModuleType(full)
            patch.setitem(sys.modules, full, module)
            exec(compile(code, f"{PAGE}:{name}.py", "exec"), module.__dict__)
        yield found


def funnels(**settings: Any) -> Any:
    return sys.modules["bonas.spaces.funnels.space"].FunnelSpace(8, 3, **settings)


def test_the_folder_has_three_modules_and_a_test(folder: dict[str, ModuleType]) -> None:
    assert list(folder) == ["", "plan", "network", "space", "test_space"]


class TestFunnels(SpaceContract):
    def space(self) -> PlannedSpace:
        space: PlannedSpace = funnels()
        return space


class TestBoundedFunnels(SpaceContract):
    def space(self) -> PlannedSpace:
        space: PlannedSpace = funnels(max_params=600, max_memory=4_000, norms=(True,))
        return space


@pytest.mark.parametrize("name", [name for name in ENCODERS if name != "gnn"])
class TestEncodings(EncoderContract):
    @pytest.fixture(autouse=True)
    def _named(self, name: str) -> None:
        self.name = name

    def space(self) -> PlannedSpace:
        space: PlannedSpace = funnels()
        return space

    def encoder(self, space: Any) -> Any:
        return ENCODERS[self.name](space)


def test_the_test_of_the_page_passes(folder: dict[str, ModuleType]) -> None:
    module = folder["test_space"]
    assert issubclass(module.TestFunnels, SpaceContract)
    module.test_the_costs_of_a_network_by_hand()


def test_a_norm_is_chosen_where_there_are_two_layers() -> None:
    space = funnels()
    assert "norm" not in space.completed({"depth": 1})
    assert "norm" in space.completed({"depth": 2})


def test_widths_and_inputs_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidSpace, match="the last layer must have a unit"):
        funnels(widths=(2,))
    network = funnels().build(funnels().completed({}))
    with pytest.raises(InvalidData, match=r"expected rows of shape batch x 8, got \(2, 9\)"):
        network(torch.zeros(2, 9))


def test_it_is_searched_within_its_bounds() -> None:
    def sizes(candidate: Candidate) -> dict[str, float]:
        return {"size": candidate.space.costs(candidate.choices)["parameters"]}

    result = bonas.optimize(
        funnels(max_params=1_000),
        8,
        evaluate=sizes,
        objectives={"size": "maximize"},
        surrogate="gp",
        seed=0,
        progress=False,
    )
    found = [candidate.values["size"] for candidate in result.candidates]
    assert len(found) == 8
    assert max(found) <= 1_000
