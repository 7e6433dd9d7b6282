from typing import Any

import numpy as np
import pytest
import torch

from bonas.errors import InvalidArgument, InvalidSpace
from bonas.evaluation import ShortTraining
from bonas.gradient_search.guards import check_mode
from bonas.gradient_search.policy import Policy
from bonas.gradient_search.result import GradientResult
from bonas.gradient_search.searching import search
from bonas.spaces import CellSpace, Choices

SPACE = CellSpace(3, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"), 3, 1, 1, 2, 1, 4)


def training() -> ShortTraining:
    x = np.random.default_rng(0).normal(size=(80, 1, 4, 4)).astype("float32")
    return ShortTraining((x, (x.mean((1, 2, 3)) > 0).astype(int)), batch_size=16, test=0.0)


@pytest.mark.parametrize("method", ["darts", "darts-2nd"])
def test_a_search_ends_with_a_network_that_may_be_trained(method: str) -> None:
    found = search(SPACE, training(), method=method, steps=5, learning_rate=0.05)
    assert (found.method, found.steps, found.stopped) == (method, 5, None)
    assert SPACE.allows(found.choices)
    assert check_mode(SPACE, found.choices) == []
    assert found.policy.mode() == found.choices


def test_the_selection_by_perturbation_comes_first() -> None:
    found = search(SPACE, training(), steps=3, select="perturbation")
    assert found.candidates(3, 0)[0] == found.choices


def leaning(option: str) -> Policy:
    """A policy that wants an option everywhere, and a 3x3 convolution most on the first edge."""
    policy = Policy(SPACE)
    with torch.no_grad():
        for own in policy.logits.values():
            own[SPACE.operations.index(option)] = 5.0
        policy.logits["edge_0_1"][3] = 4.0
    return policy


def result(policy: Policy, selected: Choices | None = None) -> GradientResult:
    return GradientResult.of("darts", policy, selected, steps=1, seconds=1.0)


def test_a_collapsed_mode_is_refused_and_the_likeliest_other_network_takes_its_place() -> None:
    with pytest.warns(UserWarning, match="darts selected a network that is refused: its cell has"):
        found = result(leaning("skip_connect"))
    skips = dict.fromkeys(SPACE.parameters, "skip_connect")
    assert found.refused == skips
    assert found.choices == {**skips, "edge_0_1": "nor_conv_3x3"}
    assert len(found.reasons) == 2
    assert all(check_mode(SPACE, each) == [] for each in found.candidates(5, 0))


def test_a_selection_that_the_space_does_not_allow_is_refused() -> None:
    selected = {"edge_0_1": "nor_conv_3x3", "edge_0_2": "none", "edge_1_2": "none"}
    with pytest.warns(UserWarning, match="refused"):
        found = result(Policy(SPACE), selected)
    assert SPACE.allows(found.choices)


def test_candidates_are_different_networks_and_the_choices_are_the_first() -> None:
    policy = leaning("nor_conv_1x1")
    with torch.no_grad():
        policy.logits["edge_0_2"][1] = 6.0
    found = result(policy)
    assert found.refused is None
    some = found.candidates(4, 1)
    assert some[0] == found.choices
    assert len({SPACE.architecture(each) for each in some}) == len(some) <= 4
    assert found.describe()["choices"] == found.choices


def test_a_space_without_parameters_has_no_result() -> None:
    space = CellSpace(3, ("skip_connect", "avg_pool_3x3"))
    with pytest.raises(InvalidSpace, match="add operations with parameters"):
        result(Policy(space))


@pytest.mark.parametrize(
    ("space", "settings", "message"),
    [
        (SPACE, {"method": "magic"}, "unknown method 'magic'"),
        (SPACE, {"training": "digits"}, "expected a ShortTraining, got 'digits'"),
        (SPACE, {"initial": 3}, "Supernet as initial, got 3"),
        ("nas", {}, "expected a bonas.Space, got 'nas'"),
    ],
)
def test_what_cannot_be_searched_is_refused(
    space: Any, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        search(space, **{"training": training(), "steps": 1, **settings})
