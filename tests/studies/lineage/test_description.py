"""Descriptions differ where the search does; some differences leave measured values valid."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lineages import OBJECTIVES, Measure, Widths, search_of

from bonas.evaluation import Objective, ShortTraining, as_objectives
from bonas.studies.lineage.description import (
    added_options,
    differences,
    incompatibilities,
    is_description,
    make_description,
    objectives_in,
)

BOTH = as_objectives(OBJECTIVES)


def _described(space: Widths = Widths(), evaluate: Measure = Measure()) -> dict[str, Any]:  # noqa: B008 # frozen
    search = search_of(space, evaluate=evaluate)
    return make_description(search.describe(), search.goals)


def test_data_that_an_older_version_knew_less_of_are_no_difference_but_others_are() -> None:
    X, y = [[0.0], [1.0]] * 10, [0, 1] * 10
    new = make_description({"evaluation": ShortTraining((X, y)).describe()}, BOTH)
    old = json.loads(json.dumps(new))
    del old["bonas:version"]
    old["evaluation"]["accuracy"]["data"] = new["evaluation"]["accuracy"]["data"].split(", inp")[0]
    assert differences(old, new) == []
    unlike = make_description({"evaluation": ShortTraining((X, y[::-1])).describe()}, BOTH)
    assert "evaluation.accuracy.data was" in differences(old, unlike)[0]
    old["bonas:version"] = 2  # rows that were read one by one
    assert "evaluation.accuracy.data was" in differences(old, new)[0]


def test_a_description_of_a_later_version_differs() -> None:
    assert differences({**_described(), "bonas:version": 9}, _described()) == [
        "bonas:version was 9, now 2"
    ]


@pytest.mark.parametrize(
    ("space", "added"),
    [
        (Widths((8, 16, 32, 64, 128)), {"width": [128]}),
        (
            Widths((4, 8, 16, 32, 64), ("elu", "gelu", "relu", "tanh")),
            {"width": [4], "kind": ["elu"]},
        ),
        (Widths((8, 16, 32)), None),
        (Widths((8, 16, 32, 128)), None),
        (Widths((8, 16, 32, 64, 128), scale=2), None),
    ],
)
def test_added_options_are_distinguished_from_other_differences(
    space: Widths, added: dict[str, list[Any]] | None
) -> None:
    assert added_options(_described(), _described(space)) == added


def test_a_setting_that_looks_like_options_but_is_none_is_a_difference() -> None:
    before, after = _described(), _described(Widths((8, 16, 32, 64, 128)))
    before["input_shape"], after["input_shape"] = [8, 8], [8, 8, 3]
    assert added_options(before, after) is None
    before["input_shape"] = after["input_shape"] = [8, 8]
    assert added_options(before, after) == {"width": [128]}


def test_values_hold_where_only_options_bounds_and_directions_differ() -> None:
    bounded = _described(Widths((8, 128), max_params=64))
    assert incompatibilities(_described(), bounded, Widths.bounds) == []
    assert incompatibilities(_described(), bounded) == ["max_params was None, now 64"]
    assert incompatibilities(_described(), _described(Widths(scale=2))) == ["scale was 1, now 2"]
    assert incompatibilities(_described(), _described(evaluate=Measure(epochs=9))) == [
        "evaluation.accuracy.epochs was 1, now 9"
    ]
    fewer = {**_described(), "objectives": {"latency": "minimize"}}
    fewer["evaluation"] = {"latency": {"device": "cpu"}}
    assert incompatibilities(_described(), fewer) == []
    assert incompatibilities(fewer, _described())[0] == "objectives.accuracy is new"


def test_a_path_leads_to_each_difference() -> None:
    stored = {"a": {"b": 1, "gone": 2}, "objectives": {"x": "maximize", "y": "minimize"}}
    wanted = {"a": {"b": 3, "new": [4]}, "objectives": {"y": "minimize", "x": "maximize"}}
    version = {"bonas:version": 2}
    assert differences({**stored, **version}, {**wanted, **version}) == [
        "a.b was 1, now 3",
        "a.gone is missing (it was 2)",
        "a.new is new ([4])",
        "objectives were in the order ['x', 'y'], now ['y', 'x']",
    ]


def test_an_order_of_options_is_a_difference_without_an_added_option() -> None:
    before, after = _described(), _described(Widths((64, 32, 16, 8)))
    assert added_options(before, after) == {}


def test_a_new_parameter_is_an_added_option() -> None:
    before, after = _described(), _described()
    after["parameters"]["depth"] = [1, 2]
    assert added_options(before, after) == {"depth": [1, 2]}
    assert added_options(after, before) is None


def test_without_parameters_nothing_is_an_added_option() -> None:
    whole, bare = _described(), _described()
    del bare["parameters"]
    assert added_options(bare, whole) is None
    assert added_options(whole, bare) is None


def test_equal_options_of_another_type_are_other_options() -> None:
    """In Python 1 == True == 1.0, but a network may differ."""
    before, after = _described(), _described()
    before["parameters"]["flag"], after["parameters"]["flag"] = [1], [True]
    assert added_options(before, after) is None


def test_objectives_come_back_with_their_units() -> None:
    goals = (Objective("energy", "minimize", "mJ"), Objective("loss", "minimize"), *BOTH)
    assert objectives_in(make_description({}, goals)) == goals
    assert objectives_in({"objectives": {"accuracy": "maximize"}})[0].unit == "%"


@pytest.mark.parametrize(
    "change",
    [
        {"objectives": None},
        {"objectives": {}},
        {"objectives": {"accuracy": "up"}},
        {"parameters": [1]},
        {"parameters": {"width": 8}},
        {"evaluation": "none"},
        {"bonas:version": "2"},
    ],
    ids=str,
)
def test_other_json_is_no_description(change: dict[str, Any]) -> None:
    assert is_description(_described())
    assert not is_description({**_described(), **change})
    assert not is_description(list(_described()))


def test_a_description_is_what_json_makes_of_it() -> None:
    """Tuples become lists, so that a stored description equals a fresh one."""
    found = make_description({"widths": (8, 16), "nested": {"a": (1,)}}, BOTH)
    assert found == json.loads(json.dumps(found))
    assert found["widths"] == [8, 16]
    assert list(found["objectives"].items()) == list(OBJECTIVES.items())
