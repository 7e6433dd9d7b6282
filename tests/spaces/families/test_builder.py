"""A builder and its runs: discovery, replays, and errors with and without memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bonas.errors import InvalidSpace
from bonas.spaces.families.builder import Builder, most_frequent, summary
from bonas.spaces.families.chooser import replayed, resumed
from bonas.spaces.families.declaration import space
from bonas.spaces.families.named_options import Options

ROW = torch.zeros(1, 4)


def nested(choose: Any) -> nn.Module:
    layers = [nn.Linear(4, 4) for _ in range(choose("depth", [1, 2]))]
    if len(layers) == 2:
        layers.append(nn.Linear(4, 4, bias=choose("bias", [True, False])))
    return nn.Sequential(*layers)


class Counted:
    """A builder that counts its runs."""

    def __init__(self, function: Callable[[Any], nn.Module]) -> None:
        self.runs, self.function = 0, function

    def __call__(self, choose: Any) -> nn.Module:
        self.runs += 1
        return self.function(choose)


def test_combinations_come_depth_first_and_each_needs_one_run() -> None:
    function = Counted(nested)
    combinations = list(Builder(function).combinations())
    assert combinations == [
        {"depth": 1},
        {"depth": 2, "bias": True},
        {"depth": 2, "bias": False},
    ]
    assert function.runs == 3


def test_a_run_has_no_memory_and_a_build_has() -> None:
    builder = Builder(nested)
    run = builder.run(replayed({"depth": 2}))
    assert run.choices == {"depth": 2, "bias": True}
    assert run.network is not None
    assert all(p.is_meta for p in run.network.parameters())
    assert not any(p.is_meta for p in builder.build(replayed({})).parameters())


def test_the_latest_run_is_not_repeated_until_it_is_released() -> None:
    function = Counted(nested)
    builder = Builder(function)
    first = builder.run_of({"depth": 1})
    assert builder.run_of({"depth": 1}) is first
    assert function.runs == 1
    builder.release()
    assert builder.run_of({"depth": 1}) is not first


def test_known_choices_are_completed_without_a_run() -> None:
    function = Counted(nested)
    builder = Builder(function)
    assert builder.completed(replayed({"depth": 2})) == {"depth": 2, "bias": True}
    assert builder.completed(replayed({"depth": 2})) == {"depth": 2, "bias": True}
    assert function.runs == 1
    builder.forget()
    builder.completed(replayed({"depth": 2}))
    assert function.runs == 2


def test_discovery_finds_questions_behind_rare_answers() -> None:
    def deep(choose: Any) -> nn.Module:
        if choose("a", list(range(40))) == 39 and choose("b", list(range(40))) == 39:
            return nn.Linear(4, choose("c", [1, 2]))
        return nn.Linear(4, 4)

    builder = Builder(deep)
    builder.discover()
    assert list(builder.asked) == ["a", "b", "c"]


def test_a_failure_of_the_function_is_that_of_the_run() -> None:
    def odd(choose: Any) -> nn.Module:
        raise ValueError(f"no {choose('width', [2, 3])}\nand more")

    run = Builder(odd).run(replayed({}))
    assert run.network is None
    assert run.failure == "ValueError: no 2"
    assert run.choices == {"width": 2}


def test_an_error_for_lack_of_memory_is_no_failure() -> None:
    def reading(choose: Any) -> nn.Module:
        return nn.Linear(4, choose("width", [2, 3]) + int(0 * torch.rand(1).item()))

    run = Builder(reading).run(replayed({}))
    assert run.network is not None
    assert run.failure == ""
    assert run.choices == {"width": 2}


def test_a_second_attempt_repeats_the_random_choices_of_the_first() -> None:
    def reading(choose: Any) -> nn.Module:
        width = choose("width", list(range(1, 50)))
        torch.rand(1).item()
        return nn.Linear(4, width)

    rng = np.random.default_rng(0)
    run = Builder(reading).run(replayed({}, rng))
    assert run.network is not None
    assert run.choices == {"width": run.network.out_features}


def test_bonas_errors_of_a_function_are_passed_on() -> None:
    with pytest.raises(InvalidSpace, match="must be a non-empty list"):
        Builder(lambda choose: choose("a", 3)).run(replayed({}))


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidSpace, match=r"must return a torch.nn.Module, got 2"):
        Builder(lambda choose: choose("a", [2, 3])).build(replayed({}))


def test_answers_that_were_given_come_before_others() -> None:
    def last(name: str, options: Options) -> Any:
        return options[-1]

    answer = resumed({"a": 1}, last)
    assert (answer("a", (1, 2)), answer("b", (1, 2))) == (1, 2)


def test_errors_are_summarised_by_class_and_first_line() -> None:
    assert summary(KeyError()) == "KeyError: "
    assert len(summary(ValueError("x" * 1_000))) == 200
    assert most_frequent(Counter("abbccc")) == "3 x c; 2 x b; 1 x a"
    assert most_frequent(Counter("abcdefg")).count(";") == 4


def drifting() -> Callable[[Any], nn.Module]:
    runs = count()
    return lambda choose: nn.Linear(4, choose("width", [2 + next(runs), 1]))


def hidden() -> Callable[[Any], nn.Module]:
    runs = count(1)

    def build(choose: Any) -> nn.Module:
        choose("width", [2, 3])
        return nn.Linear(4, next(runs))

    return build


def twice(choose: Any) -> nn.Module:
    return nn.Linear(choose("width", [4, 8]), choose("width", [4, 16]))


def elsewhere(choose: Any) -> nn.Module:
    options = [1, 2] if choose("small", [True, False]) else [3, 4]
    return nn.Linear(4, choose("width", options))


def both(trial: Any) -> nn.Module:
    width = trial.suggest_int("width", 1, 4)
    return nn.Linear(width, trial.suggest_int("width", 1, 100))


def failing(choose: Any) -> nn.Module:
    raise RuntimeError(f"no {choose('width', [2, 3])}")


def fixed(choose: Any) -> nn.Module:
    return nn.Linear(4, choose("width", [2]))


def rare(choose: Any) -> nn.Module:
    digits = [choose(f"d{i}", list(range(10))) for i in range(6)]
    return nn.Linear(4, choose("late", [1, 2]) if digits == [7, 3, 9, 1, 8, 2] else 1)


BROKEN: dict[str, tuple[Callable[[Any], Any], str]] = {
    "other options in one network": (
        twice,
        r"'width' is asked for twice in one network, with the options \[4, 16\] and \[4, 8\]",
    ),
    "other options in another network": (
        elsewhere,
        r"asks for 'width' of \[3, 4\], but of \[1, 2\] in another network; give each list",
    ),
    "a choice and a number": (both, r"'width' is asked for as IntDistribution.*, but was \(1, 2,"),
    "questions that change": (drifting(), r"after the same choices .* once and for .* now"),
    "networks that change": (hidden(), r"two different networks of {'width': [23]}"),
    "always an error": (failing, r"failing fails for all of 2 choices: 1 x RuntimeError: no"),
    "no choice": (fixed, r"fixed asks for no choice with at least two options"),
    "no network": (lambda choose: choose("a", [1, 2]), r"must return a torch.nn.Module, got 1"),
    "options of equal names": (
        lambda choose: choose("a", [nn.Linear(4, 2), nn.Linear(4, 2)]),
        r"'a' has two options named 'Linear\(in",
    ),
    "a word": (lambda choose: choose("a", "relu"), r"must be a non-empty list or a dict, got 'r"),
    "none at all": (lambda choose: choose("a", []), r"must be a non-empty list or a dict, got \[]"),
    "a repeated option": (lambda choose: choose("a", [1, 1]), r"'a' repeats an option: \[1, 1\]"),
    "no name": (lambda choose: choose(3, [1, 2]), r"a choice needs a name, .* got 3"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_functions_are_refused(case: str) -> None:
    function, message = BROKEN[case]
    with pytest.raises(InvalidSpace, match=message):
        _ = space(function, input=ROW).distributions


def test_a_name_that_no_discovery_met_is_refused_with_the_known_names() -> None:
    family = space(rare, input=ROW)
    assert "late" not in family.distributions
    found = dict(zip((f"d{i}" for i in range(6)), (7, 3, 9, 1, 8, 2), strict=True))
    with pytest.raises(
        InvalidSpace, match=r"rare asks for 'late' of \[1, 2\], which no run .*'d5'"
    ):
        family.completed(found)
