"""Combinations of choices: their order, their completion, and how choices are checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution

from bonas.errors import InvalidSpace
from bonas.spaces import Choice
from bonas.spaces.combinations import Combinations


class Menu(Combinations):
    """Two parameters, and a number besides."""

    parameters: Mapping[str, Sequence[Choice]] = {"size": (1, 2.0), "kind": ("a", None, True)}
    numeric = {"rate": FloatDistribution(0.0, 1.0)}  # noqa: RUF012  # as users write it


MENU = Menu()


def test_all_are_listed_once_the_last_parameter_changing_fastest() -> None:
    listed = [tuple(choices.values()) for choices in MENU.combinations()]
    assert listed == [(s, k) for s in (1, 2.0) for k in ("a", None, True)]
    assert len(listed) == MENU.size == 6


def test_the_missing_is_drawn_or_is_the_first_choice_and_the_foreign_is_dropped() -> None:
    assert MENU.completed({"kind": None, "heads": 4}) == {"size": 1, "kind": None}
    rng = np.random.default_rng(0)
    drawn = {MENU.completed({"kind": "a"}, rng)["size"] for _ in range(30)}
    assert drawn == {1, 2.0}


def test_checked_choices_have_the_order_and_the_values_of_the_space() -> None:
    checked = MENU.checked({"kind": "a", "size": 2})
    assert list(checked) == ["size", "kind"]
    assert repr(checked["size"]) == "2.0"


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"size": 1}, r"Menu and no other; missing \['kind'\], unknown \[\]"),
        ({"size": 1, "kind": "a", "x": 0}, r"missing \[\], unknown \['x'\]"),
        ({"size": 3, "kind": "a"}, r"'size' must be one of \[1, 2.0\], got 3"),
        ({"size": 1, "kind": "b"}, r"'kind' must be one of \['a', None, True\], got 'b'"),
    ],
)
def test_choices_that_do_not_belong_are_refused(
    choices: Mapping[str, Choice], message: str
) -> None:
    with pytest.raises(InvalidSpace, match=message):
        MENU.checked(choices)


def test_each_name_is_asked_for_once_with_its_options() -> None:
    asked = []

    def choose(name: str, options: Sequence[Choice]) -> Choice:
        asked.append((name, tuple(options)))
        return options[-1]

    assert MENU.chosen_by(choose) == {"size": 2.0, "kind": True}
    assert asked == [("size", (1, 2.0)), ("kind", ("a", None, True))]


def test_a_trial_is_asked_for_numbers_too_though_they_are_no_choices() -> None:
    trial = optuna.create_study().ask()
    choices = MENU.suggest(trial)
    assert set(choices) == {"size", "kind"}
    assert set(trial.params) == {"size", "kind", "rate"}
