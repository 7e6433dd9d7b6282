from typing import Any

import pytest
import torch

from bonas.errors import InvalidArgument
from bonas.evaluation import FLOPs
from bonas.gradient_search.penalty import Penalty
from bonas.gradient_search.policy import Policy
from bonas.spaces import CellSpace, Choices

SPACE = CellSpace(3, ("skip_connect", "nor_conv_3x3"), 2, 1, 1, 2, 1, 4)
TABLE = {name: {"skip_connect": 1.0, "nor_conv_3x3": 5.0} for name in SPACE.parameters}


def by_hand(choices: Choices) -> float:
    return sum(TABLE[name][str(option)] for name, option in choices.items())


def test_a_table_is_an_exact_expectation_with_a_gradient() -> None:
    policy, penalty = Policy(SPACE), Penalty(SPACE, TABLE, 0.5)
    found = penalty(policy)
    assert found.item() == pytest.approx(0.5 * 3 * 3.0)  # three edges, 1 or 5 each
    (gradient,) = torch.autograd.grad(found, policy.logits["edge_0_1"])
    assert gradient.tolist() == pytest.approx([0.5 * 0.5 * -2.0, 0.5 * 0.5 * 2.0])  # p (c - mean)


def test_a_function_is_called_once_per_network_and_agrees_with_its_table() -> None:
    calls: list[Choices] = []

    def cost(choices: Choices) -> float:
        calls.append(choices)
        return by_hand(choices)

    policy, penalty = Policy(SPACE), Penalty(SPACE, cost, 2.0)
    found = [penalty(policy) for _ in range(200)]
    values = torch.stack(found).detach()
    assert len(calls) <= 2**3
    error = values.std() / 200**0.5
    assert abs(values.mean().item() - 2 * 9.0) < 5 * error
    gradients = torch.stack([torch.autograd.grad(v, policy.logits["edge_0_1"])[0] for v in found])
    spread = gradients.std(0) / 200**0.5
    assert (
        abs(gradients.mean(0) - torch.tensor([-2.0, 2.0], dtype=torch.float64)) < 5 * spread
    ).all()


def test_an_evaluator_is_a_cost() -> None:
    found = Penalty(SPACE, FLOPs(), 1e-3)(Policy(SPACE))
    assert found.item() > 0
    assert found.requires_grad


def test_no_cost_and_no_weight_are_no_penalty() -> None:
    assert Penalty.of(SPACE, None, None) is None
    assert Penalty.of(SPACE, TABLE, 0.0) is None
    assert isinstance(Penalty.of(SPACE, TABLE, 1), Penalty)


@pytest.mark.parametrize(
    ("cost", "weight", "message"),
    [
        (TABLE, None, "expected cost and cost_weight together"),
        (None, 1.0, "expected cost and cost_weight together"),
        (TABLE, -1.0, "of at least 0, got -1.0"),
        (TABLE, float("inf"), "of at least 0, got inf"),
        (TABLE, float("nan"), "of at least 0, got nan"),
        (TABLE, "1", "of at least 0, got '1'"),
        (3, 1.0, "expected a cost"),
        ({"edge_0_1": {"skip_connect": 1.0}}, 1.0, "the cost of each option of 'edge_0_1'"),
        ({"edge": {"skip_connect": 1.0}}, 1.0, "expected costs of parameters of CellSpace"),
    ],
)
def test_what_is_no_penalty_is_refused(cost: Any, weight: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        Penalty.of(SPACE, cost, weight)


def test_a_cost_that_is_not_finite_is_refused_with_the_choices() -> None:
    penalty = Penalty(SPACE, lambda choices: float("nan"), 1.0)
    with pytest.raises(InvalidArgument, match="expected a finite cost, got nan for"):
        penalty(Policy(SPACE))
