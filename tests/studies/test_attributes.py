"""Typed attributes: JSON that other programs may have written is read with care."""

from __future__ import annotations

import logging

import optuna
import pytest

from bonas.studies.attributes import (
    StudyAttribute,
    TrialAttribute,
    ignored_in_study,
    json_object,
    mapping,
    text,
    whole,
)

DEEP = "[" * 100_000 + "]" * 100_000
COUNT = StudyAttribute("mine:count", "a whole number", whole)
NOTE = TrialAttribute("mine:note", "a text", text)


@pytest.mark.parametrize("stored", ["[]", "5", "null", '"a"', "{", "", DEEP, 5, None, {"a": 1}])
def test_only_a_text_of_a_json_object_is_one(stored: object) -> None:
    assert json_object(stored) is None


def test_a_json_object_keeps_its_types() -> None:
    assert json_object('{"a": [1, "1", null, true]}') == {"a": [1, "1", None, True]}


@pytest.mark.parametrize("value", [True, -1, 1.0, "1", None, [1]])
def test_what_is_not_a_count_is_no_whole_number(value: object) -> None:
    assert whole(value) is None


def test_values_of_a_type_are_returned_as_they_are() -> None:
    assert [whole(0), whole(7)] == [0, 7]
    assert (text(""), text("a"), text(5)) == ("", "a", None)
    assert (mapping({}), mapping({"a": 1}), mapping([("a", 1)])) == ({}, {"a": 1}, None)


def test_studies_are_warned_of_one_by_one(caplog: pytest.LogCaptureFixture) -> None:
    storage = optuna.storages.InMemoryStorage()
    one, two = (optuna.create_study(study_name=name, storage=storage) for name in "ab")
    with caplog.at_level(logging.WARNING, logger="bonas"):
        for study in (one, two, one):
            ignored_in_study(study, "mine", "it is odd")
        ignored_in_study(one, "other", "it is odd")
    ignored = [r.getMessage() for r in caplog.records if "ignored" in r.getMessage()]
    assert ignored == [
        "the study 'a': ignored mine: it is odd",
        "the study 'b': ignored mine: it is odd",
        "the study 'a': ignored other: it is odd",
    ]


def test_the_value_of_a_falsy_type_is_read_as_it_is() -> None:
    study = optuna.create_study()
    COUNT.write(study, 0)
    assert COUNT.read(study) == 0
    trial = study.ask()
    NOTE.write(study, trial, "")
    assert NOTE.read(study.trials[0]) == ""


def test_a_value_is_written_over() -> None:
    study = optuna.create_study()
    for value in (3, 4):
        COUNT.write(study, value)
    assert COUNT.read(study) == 4


def test_a_system_attribute_hides_what_users_see_under_its_key() -> None:
    study = optuna.create_study()
    trial = study.ask()
    NOTE.write(study, trial, "a")
    hidden = TrialAttribute(NOTE.key, "a text", text, is_system=True)
    assert hidden.read(study.trials[0]) == "a"  # as earlier versions stored it
    hidden.write(study, trial, "b")
    assert (NOTE.read(study.trials[0]), hidden.read(study.trials[0])) == ("a", "b")
