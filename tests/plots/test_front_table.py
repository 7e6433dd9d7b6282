"""Facts about the text table of a front."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial
from shown_results import RESULT

from bonas.evaluation import Objective
from bonas.plots.front_table import front_table, parameter_names

GOAL = Objective("accuracy", "maximize", "%")


def test_every_parameter_of_every_network_of_the_front_has_a_column() -> None:
    header, _, *rows = str(RESULT).splitlines()
    assert {c.choices["depth"] for c in RESULT.front} == {1, 2, 3}
    assert header.split()[-4:] == ["depth", "units_0", "units_1", "units_2"]
    for candidate, row in zip(RESULT.front, rows, strict=False):
        assert row.split()[3:] == [str(value) for value in candidate.choices.values()]


def trial_of(names: list[str], value: Any = 1) -> FrozenTrial:
    options = CategoricalDistribution((value, "other"))
    return create_trial(
        state=TrialState.COMPLETE,
        value=1.0,
        params=dict.fromkeys(names, value),
        distributions=dict.fromkeys(names, options),
    )


@given(st.lists(st.lists(st.sampled_from("abcdef"), unique=True).map(sorted), min_size=1))
def test_parameters_keep_their_order_where_all_trials_agree(asked: list[list[str]]) -> None:
    names = parameter_names([trial_of(own) for own in asked])
    assert sorted(names) == sorted({name for own in asked for name in own})
    for own in asked[:1]:
        assert [name for name in names if name in own] == own


def test_long_values_are_cut_and_numbers_rounded() -> None:
    trials = [trial_of(["sizes"], str(list(range(50)))), trial_of(["rate"], 0.12345678)]
    header, _, one, other = front_table([GOAL], trials).splitlines()
    assert set(header.split()[-2:]) == {"sizes", "rate"}
    assert one.endswith("...")
    assert len(one) < 70
    assert other.endswith("0.1235")


def test_without_trials_the_table_says_so() -> None:
    assert front_table([GOAL], []) == "nothing was evaluated yet"


def test_numbers_are_aligned_to_the_right_and_parameters_to_the_left() -> None:
    """Compare with a table written by hand."""
    trials = [trial_of(["name"], "a"), trial_of(["name"], "long")]
    trials[0].values, trials[1].values = [9.5], [123.456]
    trials[0].number, trials[1].number = 0, 10
    assert front_table([GOAL], trials).splitlines() == [
        "trial  accuracy [%]  name",
        "-------------------------",
        "    0           9.5  a",
        "   10         123.5  long",
    ]


def test_a_parameter_follows_those_that_precede_it_in_its_trial() -> None:
    """Check by hand: ``b2`` comes after ``b1``, before ``c`` of the first trial."""
    trials = [trial_of(["a", "b1", "c"]), trial_of(["a", "b1", "b2", "c"]), trial_of(["z", "a"])]
    assert parameter_names(trials) == ["z", "a", "b1", "b2", "c"]
