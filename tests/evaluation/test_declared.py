"""Facts about what evaluators and spaces declare, and about misspelt declarations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

import bonas
from bonas.errors import InvalidArgument
from bonas.evaluation import ACCURACY, LATENCY, Candidate, KVCache, Latency, ShortTraining
from bonas.evaluation.declared import (
    check_spelling,
    declared_cost,
    declared_description,
    declared_objectives,
    input_shape_of,
    task_of,
    vocabulary_of,
)
from bonas.spaces import CellSpace, NASBench201, TransformerSpace


class Silent:
    """An evaluator that declares nothing."""

    def __call__(self, candidate: Candidate) -> Mapping[str, float]:
        return {"accuracy": 1.0}


def plain(candidate: Candidate) -> Mapping[str, float]:
    return {"accuracy": 1.0}


def with_attribute(name: str, value: object) -> object:
    """Return an evaluator with one more attribute."""
    return type("Own", (Silent,), {name: value})()


@pytest.mark.parametrize("evaluate", [plain, Silent(), partial(plain), lambda _: {}])
def test_what_declares_nothing_has_no_objectives_no_description_and_an_unknown_cost(
    evaluate: object,
) -> None:
    check_spelling(evaluate)
    assert declared_objectives(evaluate) == ()
    assert declared_description(evaluate) == {}
    assert declared_cost(evaluate) == math.inf


def test_declarations_are_read() -> None:
    latency = Latency()
    assert declared_objectives(latency) == (LATENCY,)
    assert declared_description(latency) == latency.describe()
    assert declared_objectives(with_attribute("objectives", [ACCURACY])) == (ACCURACY,)


@pytest.mark.parametrize("cost", [-1.0, "low", math.nan, None, True])
def test_a_cost_is_a_number_of_seconds(cost: object) -> None:
    with pytest.raises(
        InvalidArgument, match=r"the cost of .* must be a number of at least 0, got"
    ):
        declared_cost(with_attribute("cost", cost))


@pytest.mark.parametrize("name", ["decribe", "descibe", "discribe", "Describe", "describes"])
def test_a_misspelt_describe_is_refused(name: str) -> None:
    evaluate = with_attribute(name, lambda self: {})
    with pytest.raises(InvalidArgument, match=rf"to declare 'describe', got '{name}' on Own"):
        check_spelling(evaluate)


@pytest.mark.parametrize("value", [ACCURACY, [ACCURACY], (ACCURACY, LATENCY)])
@pytest.mark.parametrize("name", ["objective", "objetives", "objectivs"])
def test_misspelt_objectives_are_refused(name: str, value: object) -> None:
    with pytest.raises(InvalidArgument, match=rf"to declare 'objectives', got '{name}' on Own"):
        check_spelling(with_attribute(name, value))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("objective", "accuracy"),
        ("objective", []),
        ("describes", {"data": "digits"}),
        ("_describe", lambda self: {}),
        ("subscribe", lambda self: None),
        ("description", lambda self: {}),
    ],
)
def test_a_similar_name_for_something_else_is_no_misspelling(name: str, value: object) -> None:
    check_spelling(with_attribute(name, value))


@pytest.mark.parametrize("evaluate", [Latency(), ShortTraining(), KVCache()])
def test_evaluators_of_bonas_are_spelt_well(evaluate: object) -> None:
    check_spelling(evaluate)


@pytest.mark.parametrize("more", [[], [plain]], ids=["alone", "among others"])
def test_a_search_refuses_a_misspelt_evaluator(more: Any) -> None:
    misspelt: Any = with_attribute("decribe", lambda self: {})
    with pytest.raises(InvalidArgument, match="'decribe'"):
        bonas.Search(NASBench201(), evaluate=[misspelt, *more] if more else misspelt)


def test_spaces_declare_their_inputs() -> None:
    tokens = TransformerSpace(task="language_model", vocabulary=100, length=16)
    assert (input_shape_of(tokens), vocabulary_of(tokens)) == ((16,), 100)
    assert task_of(tokens) == "language_model"
    images = CellSpace()
    assert (vocabulary_of(images), task_of(images)) == (None, None)
    assert input_shape_of(object()) is None
