"""The rules: which networks learn in a step."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

import numpy as np
import pytest

import bonas
from bonas.errors import InvalidArgument
from bonas.spaces import ArchitectureGraph, Choices, Space
from bonas.spaces.conditional import ConditionalSpace
from bonas.supernets.training import Fair, Rule, Sandwich, Shrinking, Step, Uniform
from bonas.supernets.training.default import RULES, chosen_rule
from bonas.supernets.training.sizes import Sizes

_CELLS = bonas.spaces.NASBench201(channels=4, cells=1)


class _Drawn(Space):
    """A space whose graphs tell all its choices apart."""

    identity = "choices"

    def graph(self, choices: Choices) -> ArchitectureGraph:
        label = " ".join(f"{name}={value}" for name, value in choices.items())
        return ArchitectureGraph(["input", label, "output"], [(0, 1), (1, 2)])


class _Sized(_Drawn):
    parameters: ClassVar = {"width": [8, 16, 32], "depth": [1, 2], "kind": ["a", "b"]}


class _Bounded(_Sized):
    def is_valid(self, choices: Choices) -> bool:
        return choices["width"] * choices["depth"] <= 32  # type: ignore[operator]  # numbers


class _Patched(_Sized):
    def costs(self, choices: Choices) -> dict[str, float]:
        return {"multiply_adds": choices["depth"] / choices["width"]}  # type: ignore[operator]  # numbers


class _Optional(ConditionalSpace):
    identity = "choices"
    options: ClassVar = {
        "depth": (1, 2, 3),
        "one": ("x", "y", "z"),
        "two": ("x", "y", "z"),
        "three": ("x", "y", "z"),
    }

    def applies(self, name: str, earlier: Choices) -> bool:
        order = ("depth", "one", "two", "three")
        return name == "depth" or order.index(name) <= earlier["depth"]  # type: ignore[operator]  # a number

    graph = _Drawn.graph


def steps(rule: Rule, space: Space, n: int = 20, progress: float = 0.0) -> list[Step]:
    sampler = rule.on(space)
    return [sampler.step(np.random.default_rng(i), progress) for i in range(n)]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("space", [_Sized(), _Bounded(), _Optional()], ids=type)
def test_only_allowed_networks_learn_and_the_generator_alone_decides(
    rule: Rule, space: Space
) -> None:
    for progress in (0.0, 0.4, 0.99):
        found = steps(rule, space, progress=progress)
        assert all(space.allows(path) for step in found for path in step.paths)
        assert found == steps(rule, space, progress=progress)


def test_the_networks_of_a_fair_step_use_each_option_exactly_once() -> None:
    for step in steps(Fair(), _CELLS):
        for name, distribution in _CELLS.distributions.items():
            assert Counter(path[name] for path in step.paths) == Counter(distribution.choices)


def test_fair_steps_reach_all_pairs_of_options() -> None:
    pairs = {(p["edge_0_1"], p["edge_2_3"]) for s in steps(Fair(), _CELLS, 60) for p in s.paths}
    assert len(pairs) == 25


def test_fair_steps_exchange_options_until_all_networks_are_allowed() -> None:
    for step in steps(Fair(), _Bounded()):
        assert Counter(path["width"] for path in step.paths) == {8: 1, 16: 1, 32: 1}
        assert Counter(path["kind"] for path in step.paths) in ({"a": 1, "b": 2}, {"a": 2, "b": 1})


def test_options_of_a_conditional_parameter_are_used_at_most_once_in_a_fair_step() -> None:
    for step in steps(Fair(), _Optional()):
        assert Counter(path["one"] for path in step.paths) == {"x": 1, "y": 1, "z": 1}
        assert len({path["two"] for path in step.paths if "two" in path}) == 2
        assert sum("three" in path for path in step.paths) == 1


def test_what_cannot_be_made_allowed_is_left_out_of_a_fair_step() -> None:
    class Narrow(_Sized):
        def is_valid(self, choices: Choices) -> bool:
            return choices["width"] == 8

    assert all([p["width"] for p in step.paths] == [8] for step in steps(Fair(), Narrow()))


def test_uniform_draws_each_option_equally_often() -> None:
    n = 900
    counts = Counter(step.paths[0]["width"] for step in steps(Uniform(), _Sized(), n))
    error = 5 * np.sqrt(n * 1 / 3 * 2 / 3)
    assert all(abs(counts[width] - n / 3) < error for width in (8, 16, 32))


def test_a_sandwich_is_the_largest_the_smallest_and_two_random_networks() -> None:
    for step in steps(Sandwich(), _Sized()):
        largest, smallest, *others = step.paths
        assert (largest["width"], largest["depth"]) == (32, 2)
        assert (smallest["width"], smallest["depth"]) == (8, 1)
        assert len(others) == 2
        assert step.taught
    kinds = {step.paths[0]["kind"] for step in steps(Sandwich(), _Sized())}
    assert kinds == {"a", "b"}
    assert not steps(Sandwich(distilled=False), _Sized(), 1)[0].taught
    assert len(steps(Sandwich(random=5), _Sized(), 1)[0].paths) == 7


def test_bounds_make_the_largest_network_one_that_cannot_grow() -> None:
    found = {
        (step.paths[0]["width"], step.paths[0]["depth"]) for step in steps(Sandwich(), _Bounded())
    }
    assert found == {(32, 1), (16, 2)}


def test_the_larger_option_is_the_one_that_costs_more() -> None:
    assert Sizes(_Patched()).options == {"width": (32, 16, 8), "depth": (1, 2)}
    assert Sizes(_Sized()).options == {"width": (8, 16, 32), "depth": (1, 2)}


def test_the_extremes_of_a_mobile_space_are_those_of_its_multiply_adds() -> None:
    space = bonas.spaces.MobileSpace.small()
    rng = np.random.default_rng(0)
    low, high = (
        space.costs(end(rng))["multiply_adds"]
        for end in (Sizes(space).smallest, Sizes(space).largest)
    )
    drawn = [space.costs(space.sample(rng))["multiply_adds"] for _ in range(100)]
    assert low <= min(drawn)
    assert high >= max(drawn)


def test_shrinking_opens_smaller_options_group_by_group() -> None:
    rule = Shrinking(order=["depth"], first=0.25)
    widths, depths = [], []
    for progress in (0.2, 0.26, 0.51, 0.76):  # stages: largest, depth, width to 16, width to 8
        found = [step.paths[-1] for step in steps(rule, _Sized(), 60, progress)]
        widths.append({path["width"] for path in found})
        depths.append({path["depth"] for path in found})
    assert widths == [{32}, {32}, {16, 32}, {8, 16, 32}]
    assert depths == [{2}, {1, 2}, {1, 2}, {1, 2}]


def test_the_largest_network_teaches_while_a_supernet_shrinks() -> None:
    assert [len(s.paths) for s in steps(Shrinking(), _Sized(), 3)] == [1, 1, 1]
    for step in steps(Shrinking(), _Sized(), progress=0.9):
        assert step.taught
        assert (step.paths[0]["width"], step.paths[0]["depth"]) == (32, 2)


class _Kinds(_Drawn):
    parameters: ClassVar = {"kind": ["a", "b"], "other": ["a", "b", "c"]}


class _Mixed(_Drawn):
    parameters: ClassVar = {"width": [8, 16, 32], "kind": ["a", "b"], "other": ["a", "b"]}


class _FairlyImpossible(_Drawn):
    parameters: ClassVar = {"width": [8, 16], "depth": [1, 2]}

    def is_valid(self, choices: Choices) -> bool:
        return choices["width"] == 8


@pytest.mark.parametrize(
    ("space", "rule", "reason"),
    [
        (_CELLS, "fair", "all parameters have 5 options"),
        (bonas.spaces.MobileSpace.small(), "sandwich", "12 of 14 parameters have numbers"),
        (bonas.spaces.TransformerSpace(), "sandwich", "8 of 11 parameters have numbers"),
        (_Kinds(), "uniform", "few are numbers"),
        (_Mixed(), "uniform", "few are numbers"),
        (_FairlyImpossible(), "sandwich", "2 of 2"),
    ],
    ids=["cells", "mobile", "transformers", "kinds", "mixed", "bounds"],
)
def test_the_default_rule_suits_the_space(space: Space, rule: str, reason: str) -> None:
    chosen, why = chosen_rule("auto", space)
    assert chosen.name == rule
    assert reason in why


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("fairest", "unknown rule 'fairest'; expected one of 'auto', 'fair'"),
        (Fair, "expected a rule or one of the names"),
        (3, "expected a rule or one of the names"),
    ],
)
def test_what_is_no_rule_is_refused(rule: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        chosen_rule(rule, _CELLS)


@pytest.mark.parametrize("rule", [Sandwich(), Shrinking()])
def test_rules_of_sizes_need_options_that_are_numbers(rule: Rule) -> None:
    with pytest.raises(InvalidArgument, match=r"none in .*'edge_0_1'"):
        rule.on(_CELLS)


def test_bad_settings_of_rules_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="random must be a whole number"):
        Sandwich(random=-1)
    with pytest.raises(InvalidArgument, match="first must be a number in"):
        Shrinking(first=1.0)
    with pytest.raises(InvalidArgument, match="order must be patterns"):
        Shrinking(order="*kernel*")
    with pytest.raises(InvalidArgument, match=r"'\*kernel\*', which fits none"):
        Shrinking(order=["*kernel*"]).on(_Sized())
