"""Facts about the text table of a front."""

from __future__ import annotations

from typing import Any

import pytest
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
    names = header.split()[-4:]
    assert names == ["depth", "units_0", "units_1", "units_2"]
    for candidate, row in zip(RESULT.front, rows, strict=False):
        assert row.split()[3:] == [str(candidate.choices.get(name, "-")) for name in names]


def network(number: int, **params: Any) -> FrozenTrial:
    return create_trial(
        value=float(number),
        params=params,
        distributions={name: CategoricalDistribution((x, "other")) for name, x in params.items()},
    )


def test_what_all_networks_share_is_said_once() -> None:
    """Compare with a text written by hand."""
    trials = [network(1, kind="conv", a_x=1, a_y=2), network(2, kind="mlp", a_x=1, a_y=2)]
    assert front_table([GOAL], trials).splitlines() == [
        "in each of the 2 networks:",
        "  a_*  x=1  y=2",
        "",
        "trial  accuracy [%]  kind",
        "-------------------------",
        "   -1             1  conv",
        "   -1             2  mlp",
    ]


def test_equal_values_of_another_type_are_not_shared() -> None:
    """In Python 1 == True, but a network may differ."""
    text = front_table([GOAL], [network(1, flag=1), network(2, flag=True)])
    assert "in each" not in text
    assert text.splitlines()[0].endswith("flag")


def test_networks_of_equal_choices_are_a_table_without_choices() -> None:
    lines = front_table([GOAL], [network(1, a=1), network(2, a=1)]).splitlines()
    assert lines[:4] == ["in each of the 2 networks:", "  a=1", "", "trial  accuracy [%]"]


@pytest.mark.parametrize("n", [1, 2])
def test_many_choices_are_folded_without_those_that_a_network_does_not_have(n: int) -> None:
    wide = {f"stage{i}_block{j}_expansion": j for i in range(3) for j in range(9)}
    trials = [network(1, kind="conv", **wide), network(2, kind="mlp", width=64)][:n]
    lines = front_table([GOAL], trials).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0] == "trial  accuracy [%]  choices"
    assert lines[2] == "   -1             1  kind=conv"
    assert lines[3].startswith("                     stage0_*  block0_expansion=0  block1_")
    assert len([line for line in lines if "stage" in line]) == 3
    assert lines[-1] == "   -1             2  kind=mlp  width=64" or n == 1


def test_behind_many_objectives_choices_are_below() -> None:
    goals = [Objective(f"latency_on_device_{j}", "minimize", "ms") for j in range(5)]
    trial = network(1, **{f"edge_0_{j}": "nor_conv_3x3" for j in range(9)})
    trial.values = [1.0] * 5
    header, _, values, *choices = front_table(goals, [trial]).splitlines()
    assert "choices" not in header
    assert values.split() == ["-1", *["1"] * 5]
    assert choices[0].startswith("       edge_*  0_0=nor_conv_3x3")
    assert max(map(len, choices)) <= 100


def test_no_value_breaks_a_line_or_reaches_the_terminal_as_a_command() -> None:
    text = front_table([GOAL], [network(1, **{"a\nb": "x\n\x1b[2Jy"})])
    assert text.splitlines()[0].split()[-1] == "a\\nb"
    assert "\x1b" not in text
    assert len(text.splitlines()) == 3


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
    assert other.split()[-2:] == ["0.1235", "-"]


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
