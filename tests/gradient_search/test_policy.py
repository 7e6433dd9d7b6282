"""A policy is a distribution: its laws against enumeration, finite differences and sampling."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import bonas
from bonas.errors import InvalidArgument, InvalidData, InvalidSpace
from bonas.gradient_search.policy import Policy
from bonas.spaces import ArchitectureGraph, Choices, MobileSpace, NASBench101Space, NASBench201
from bonas.spaces.conditional import ConditionalSpace
from bonas.spaces.space import Space


def chain(choices: Choices) -> ArchitectureGraph:
    """A graph that differs for different choices."""
    labels = ["input", *(f"{name}:{value}" for name, value in choices.items()), "output"]
    return ArchitectureGraph(labels, [(i, i + 1) for i in range(len(labels) - 1)])


class Flat(Space):
    """Three parameters; equal options of the first two are forbidden."""

    parameters = {"a": ["x", "y"], "b": ["x", "y", "z"], "c": [1, 2]}  # noqa: RUF012  # as in the docs
    absent = identities = frozenset[str]()

    def graph(self, choices: Choices) -> ArchitectureGraph:
        return chain(choices)

    def is_valid(self, choices: Choices) -> bool:
        return choices["a"] != choices["b"]


class Nested(ConditionalSpace):
    """A second layer where there are two, a gate in it where it is wide."""

    options = {  # noqa: RUF012  # as in the docs
        "depth": [1, 2, 3],
        "width1": [8, 16],
        "width2": [8, 16, 32],
        "gate": ["on", "off"],
        "width3": [8, 16],
    }
    absent = identities = frozenset[str]()

    def applies(self, name: str, earlier: Choices) -> bool:
        if name == "gate":
            return earlier.get("width2", 0) == 32
        return name == "depth" or int(name[-1]) <= int(str(earlier["depth"]))

    def graph(self, choices: Choices) -> ArchitectureGraph:
        return chain(choices)


@bonas.space(input=torch.zeros(1, 4))
def family(choose: Any) -> nn.Module:
    """One or two hidden layers, each with an activation."""
    layers: list[nn.Module] = []
    for i in range(choose("depth", [1, 2])):
        layers += [nn.Linear(4, 4), choose(f"act{i}", {"relu": nn.ReLU, "tanh": nn.Tanh})]
    return nn.Sequential(*layers, nn.Linear(4, 2))


def with_random_logits(space: Space, seed: int = 0) -> Policy:
    policy, generator = Policy(space), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for logits in policy.logits.values():
            logits.copy_(torch.randn(len(logits), generator=generator, dtype=torch.float64))
    return policy


def combinations(space: Space) -> list[Choices]:
    """All combinations, allowed or not."""
    return list(space) if isinstance(space, type(family)) else list(space.combinations())


def enumerated(policy: Policy, values: Mapping[int, float] | Any, *, allowed: bool) -> Tensor:
    """The expectation of a function of choices, by a sum over all of them."""
    every = combinations(policy.space)
    some = [each for each in every if not allowed or policy.space.allows(each)]
    p = torch.stack([policy.log_prob(each) for each in some]).exp()
    f = torch.tensor([values(each) for each in some], dtype=torch.float64)
    return (p * f).sum() / p.sum()


def gradients(policy: Policy, value: Tensor) -> dict[str, Tensor]:
    found = torch.autograd.grad(value, list(policy.logits.values()), allow_unused=True)
    return {
        name: torch.zeros_like(own) if g is None else g
        for (name, own), g in zip(policy.logits.items(), found, strict=True)
    }


SPACES = [Flat(), Nested(), family]
TABLES: dict[str, dict[str, dict[Any, float]]] = {
    "Flat": {"a": {"x": 1.0, "y": 3.0}, "c": {1: 0.5, 2: -2.0}},
    "Nested": {
        "width2": {8: 1.0, 16: 2.0, 32: 4.0},
        "gate": {"on": 7.0, "off": 0.0},
        "width3": {8: 1.5, 16: 3.5},
    },
    "Family": {"act1": {"relu": 1.0, "tanh": 5.0}, "depth": {1: 0.0, 2: 0.25}},
}


@pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
def test_probabilities_of_all_combinations_sum_to_one(space: Space) -> None:
    policy = with_random_logits(space)
    total = sum(math.exp(policy.log_prob(each).item()) for each in combinations(space))
    assert total == pytest.approx(1.0, abs=1e-12)


def test_parameters_of_conditional_spaces_count_where_they_apply() -> None:
    policy = with_random_logits(Nested())
    p = {name: each.tolist() for name, each in policy.probabilities.items()}
    by_hand = math.log(p["depth"][1] * p["width1"][0] * p["width2"][2] * p["gate"][1])
    choices = {"depth": 2, "width1": 8, "width2": 32, "gate": "off"}
    assert policy.log_prob(choices).item() == pytest.approx(by_hand)
    gate = policy.applies("gate")
    assert gate is not None
    assert gate.item() == pytest.approx((1 - p["depth"][0]) * p["width2"][2])


@pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
def test_entropy_is_that_of_the_enumerated_distribution(space: Space) -> None:
    policy = with_random_logits(space)
    logs = torch.stack([policy.log_prob(each) for each in combinations(space)])
    expected = -(logs.exp() * logs).sum()
    found = policy.entropy()
    torch.testing.assert_close(found, expected)
    wanted = gradients(policy, expected)
    for name, gradient in gradients(policy, found).items():
        torch.testing.assert_close(gradient, wanted[name])


@pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
def test_the_expectation_of_a_table_is_exact_with_its_gradient(space: Space) -> None:
    policy, table = with_random_logits(space), TABLES[type(space).__name__]

    def cost(choices: Choices) -> float:
        return sum(row[choices[name]] for name, row in table.items() if name in choices)

    by_pairs = {(n, option): x for n, row in table.items() for option, x in row.items()}
    expected, found = enumerated(policy, cost, allowed=False), policy.expected(by_pairs)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(policy.expected(table), expected)
    wanted = gradients(policy, expected)
    for name, gradient in gradients(policy, found).items():
        torch.testing.assert_close(gradient, wanted[name])


def test_gradients_of_a_table_are_those_of_finite_differences() -> None:
    policy, step = with_random_logits(Nested()), 1e-6
    gradient = gradients(policy, policy.expected(TABLES["Nested"]))
    for name, own in policy.logits.items():
        for i in range(len(own)):
            ends = []
            for sign in (1, -1):
                with torch.no_grad():
                    own[i] += sign * step
                ends.append(policy.expected(TABLES["Nested"]).item())
                with torch.no_grad():
                    own[i] -= sign * step
            slope = (ends[0] - ends[1]) / (2 * step)
            assert float(gradient[name][i]) == pytest.approx(slope, abs=1e-7)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
def test_score_function_gradients_are_unbiased_also_with_rejected_draws(space: Space) -> None:
    policy = with_random_logits(space)

    def cost(choices: Choices) -> float:
        return float(len(repr(sorted(choices.items()))) % 7)

    expected = enumerated(policy, cost, allowed=True)
    wanted = torch.cat(list(gradients(policy, expected).values()))
    generator, found, means = torch.Generator().manual_seed(1), [], []
    for _ in range(300):
        value = policy.expected(cost, generator, draws=4)
        found.append(torch.cat(list(gradients(policy, value).values())))
        means.append(value.detach())
    for draws, truth in ((torch.stack(found), wanted), (torch.stack(means), expected.detach())):
        error = draws.std(0) / math.sqrt(len(draws))
        assert ((draws.mean(0) - truth).abs() <= 5 * error + 1e-12).all()


def test_draws_are_allowed_and_follow_the_probabilities() -> None:
    policy, generator = with_random_logits(Flat()), torch.Generator().manual_seed(3)
    n = 2_000
    drawn = Counter(tuple(policy.sample(generator).items()) for _ in range(n))
    allowed = [each for each in combinations(policy.space) if policy.space.allows(each)]
    p = torch.stack([policy.log_prob(each) for each in allowed]).exp().detach()
    acceptance = p.sum().item()
    assert drawn.keys() <= {tuple(each.items()) for each in allowed}
    for each, share in zip(allowed, (p / acceptance).tolist(), strict=True):
        error = math.sqrt(share * (1 - share) / n)
        assert drawn[tuple(each.items())] / n == pytest.approx(share, abs=5 * error)
    error = math.sqrt(acceptance * (1 - acceptance) / n)
    assert policy.acceptance(generator, n) == pytest.approx(acceptance, abs=5 * error)


@pytest.mark.parametrize("seed", range(5))
def test_the_mode_is_the_likeliest_allowed_combination_of_a_flat_space(seed: int) -> None:
    policy = with_random_logits(Flat(), seed)
    allowed = [each for each in combinations(policy.space) if policy.space.allows(each)]
    assert policy.mode() == max(allowed, key=lambda each: policy.log_prob(each).item())


def test_the_mode_of_a_conditional_space_takes_the_likeliest_option_of_each_parameter() -> None:
    policy = with_random_logits(Nested(), 4)
    for name, value in policy.mode().items():
        options = policy.space.distributions[name].choices
        assert value == options[int(policy.logits[name].argmax())]


def test_a_mode_that_is_forbidden_gives_up_as_little_as_possible() -> None:
    policy = Policy(Flat())
    with torch.no_grad():
        policy.logits["a"].copy_(torch.tensor([2.0, 0.0]))
        policy.logits["b"].copy_(torch.tensor([3.0, 0.5, 1.5]))
        policy.logits["c"].copy_(torch.tensor([0.0, 9.0]))
    assert policy.mode() == {"a": "x", "b": "z", "c": 2}  # gives up 1.5, another "a" 2


def test_candidates_are_different_networks_with_the_mode_first() -> None:
    policy = with_random_logits(NASBench201(channels=4, cells=1))
    found = policy.candidates(12, seed=5)
    assert found[0] == policy.mode()
    assert len({policy.space.architecture(each).key for each in found}) == len(found) == 12
    assert policy.candidates(12, seed=5) == found
    assert policy.candidates(12, seed=6) != found


def test_a_sharp_policy_has_fewer_candidates_than_are_asked_for() -> None:
    policy = Policy(Flat())
    with torch.no_grad():
        for logits in policy.logits.values():
            logits[0] = 60.0
        policy.logits["b"][1] = 60.0
    assert policy.candidates(10, seed=0) == [{"a": "x", "b": "y", "c": 1}]


def test_log_probabilities_are_scores_of_architectures() -> None:
    space = NASBench201(channels=4, cells=1)
    policy = with_random_logits(space)
    choices = policy.mode()
    assert policy(space, choices) == {"log_prob": policy.log_prob(choices).item()}
    before = policy.describe()
    assert json.loads(json.dumps(before)) == before
    with torch.no_grad():
        next(iter(policy.logits.values()))[0] += 1.0
    assert policy.describe() != before


def test_the_branches_of_large_conditional_spaces_are_few() -> None:
    policy = with_random_logits(MobileSpace())
    name = next(n for n in reversed(policy.logits) if "block" in n or "kernel" in n)
    exact = policy.applies(name)
    assert exact is not None
    generator, n = torch.Generator().manual_seed(0), 400
    share = sum(name in policy.sample(generator) for _ in range(n)) / n
    p = exact.item()
    assert share == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / n) + 1e-9)


def test_expectations_are_estimated_where_too_many_choices_decide_what_applies() -> None:
    policy, generator = Policy(NASBench101Space()), torch.Generator().manual_seed(0)
    assert policy.applies("op_1") is None
    found = policy.expected(
        {"op_1": dict.fromkeys(policy.space.parameters["op_1"], 1.0)}, generator
    )
    assert 0.0 < found.item() <= 1.0
    assert policy.entropy(generator).item() > 0.0


def test_a_policy_is_stored_as_plain_json() -> None:
    policy = with_random_logits(Nested())
    again = Policy.of_state(Nested(), json.loads(json.dumps(policy.state())))
    for name, logits in policy.logits.items():
        assert torch.equal(again.logits[name], logits)
    assert again.describe() == policy.describe()


STATES: list[tuple[str, Any, str]] = [
    ("no mapping", [1], "expected the state of a policy"),
    ("another version", {**Policy(Flat()).state(), "version": 9}, "version 1, got 9"),
    ("another space", Policy(Nested()).state(), "expected a policy over"),
    (
        "other options",
        {
            **Policy(Flat()).state(),
            "parameters": {
                **Policy(Flat()).state()["parameters"],
                "a": {"options": ["x", "q"], "logits": [0.0, 0.0]},
            },
        },
        "over the options",
    ),
    (
        "no logits",
        {
            **Policy(Flat()).state(),
            "parameters": {
                **Policy(Flat()).state()["parameters"],
                "a": {"options": ["x", "y"], "logits": [0.0, math.nan]},
            },
        },
        "2 finite logits of 'a'",
    ),
]


@pytest.mark.parametrize(("state", "message"), [x[1:] for x in STATES], ids=[x[0] for x in STATES])
def test_what_is_no_state_of_the_policy_is_refused(state: object, message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        Policy.of_state(Flat(), state)


COSTS: list[tuple[str, Any, str]] = [
    ("a number", 3.0, "expected a cost"),
    ("an unknown parameter", {"q": {"x": 1.0}}, "got 'q'"),
    ("an option is missing", {"a": {"x": 1.0}}, "each option of 'a'"),
    ("an infinite cost", {"a": {"x": 1.0, "y": math.inf}}, "finite cost of 'y'"),
    ("a key that is no pair", {3: 1.0}, r"by \(parameter, option\)"),
    ("a function of NaN", lambda choices: math.nan, "finite cost, got nan"),
    ("a function of None", lambda choices: None, "a cost that is a number"),
]


@pytest.mark.parametrize(("cost", "message"), [x[1:] for x in COSTS], ids=[x[0] for x in COSTS])
def test_what_is_no_cost_is_refused(cost: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        Policy(Flat()).expected(cost)


def test_what_is_no_space_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"expected a bonas\.Space, got 3"):
        Policy(3)  # type: ignore[arg-type]  # the point of the test


def test_choices_of_another_space_have_no_log_probability() -> None:
    with pytest.raises(InvalidSpace, match="missing"):
        Policy(Flat()).log_prob({"a": "x"})


def test_a_policy_without_allowed_draws_says_so() -> None:
    policy = Policy(Flat())
    with torch.no_grad():
        policy.logits["a"][0] = policy.logits["b"][0] = 900.0
    with pytest.raises(InvalidSpace, match="none of 10,000 draws"):
        policy.sample(torch.Generator().manual_seed(0))
    assert policy.mode()["a"] != policy.mode()["b"]
