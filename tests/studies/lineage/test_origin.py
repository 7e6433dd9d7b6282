"""A study says which one it continues, and a name is claimed for one origin only."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict, replace
from typing import Any

import optuna
import pytest
from lineages import Widths, search_of
from optuna.storages import InMemoryStorage

from bonas.optuna_internals import id_of, storage_of
from bonas.studies.lineage import origin as module
from bonas.studies.lineage.description import Description, make_description
from bonas.studies.lineage.origin import (
    Origin,
    claim_first_free,
    claim_study,
    complete_attributes,
    description_of,
    load_sibling,
    numbered,
)
from bonas.studies.records import (
    BUDGET,
    CANDIDATES,
    CONSTRAINTS,
    DESCRIPTION,
    ORIGIN,
    SUCCESSOR,
)


def _description(space: Widths = Widths()) -> Description:  # noqa: B008 # frozen
    search = search_of(space)
    return make_description(search.describe(), search.goals)


FORK = Origin("s", "s", 3, _description())


@pytest.fixture
def source() -> optuna.Study:
    """Return a study in memory with an attribute of its own and those of one study only."""
    study = optuna.create_study(
        storage=InMemoryStorage(), study_name="s", directions=["maximize", "minimize"]
    )
    for name, value in {"bonas:seed": 7, "mine": [1], BUDGET.key: 9, SUCCESSOR.key: "s.v2"}.items():
        study.set_user_attr(name, value)
    return study


def test_a_claimed_study_has_its_origin_description_and_the_attributes_of_the_source(
    source: optuna.Study,
) -> None:
    study = claim_study(source, "s-2", FORK)
    assert study is not None
    assert Origin.of(study) == FORK
    assert description_of(study) == FORK.description
    assert study.metric_names == ["accuracy", "latency"]
    assert study.directions == source.directions
    assert study.user_attrs == {"bonas:seed": 7, "mine": [1]}
    assert study.sampler is source.sampler


@pytest.mark.parametrize("is_old", [False, True])
def test_a_claimed_study_has_the_constraints_of_its_source_and_asks_for_candidates_anew(
    source: optuna.Study, is_old: bool
) -> None:
    bounds = {"latency": {"lower": None, "upper": 5.0}}
    if is_old:  # earlier versions kept both among the user attributes
        source.set_user_attr(CONSTRAINTS.key, json.dumps(bounds))
        source.set_user_attr(CANDIDATES.key, json.dumps({"a": {}}))
    else:
        CONSTRAINTS.write(source, bounds)
        CANDIDATES.write(source, {"a": {}})
    study = claim_study(source, "s-2", FORK)
    assert study is not None
    assert CONSTRAINTS.read(study) == bounds
    assert not CANDIDATES.is_in(study)
    assert study.user_attrs == {"bonas:seed": 7, "mine": [1]}


def test_a_name_is_claimed_again_by_the_same_origin_only(source: optuna.Study) -> None:
    first = claim_study(source, "s-2", FORK)
    again = claim_study(source, "s-2", replace(FORK, trials=9))  # the source has grown
    assert first is not None
    assert again is not None
    assert id_of(again) == id_of(first)
    assert Origin.of(again) == FORK  # the first claim decides what is copied
    others: list[dict[str, Any]] = [
        {"root": "t"},
        {"trials": None},
        {"description": _description(Widths((8, 16)))},
    ]
    for change in others:
        assert claim_study(source, "s-2", replace(FORK, **change)) is None


def test_the_name_of_another_study_is_taken(source: optuna.Study) -> None:
    assert claim_study(source, "s", FORK) is None
    other = optuna.create_study(storage=storage_of(source), study_name="s-2")
    other.add_trial(optuna.create_trial(value=1.0))
    names = numbered("s-")
    found = claim_first_free(source, names, FORK)
    assert found.study_name == "s-3"
    assert next(names) == "s-4"  # no further name was tried


def test_a_study_that_another_process_has_just_created_is_waited_for(
    source: optuna.Study,
) -> None:
    made = optuna.create_study(
        storage=storage_of(source), study_name="s-2", directions=source.directions
    )

    def finish() -> None:
        time.sleep(0.1)
        ORIGIN.write(made, asdict(FORK))

    process = threading.Thread(target=finish)
    process.start()
    found = claim_study(source, "s-2", FORK)
    process.join()
    assert found is not None
    assert id_of(found) == id_of(made)


def test_a_study_whose_creator_died_at_once_is_claimed(
    source: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ORIGIN_TIMEOUT", 0.1)
    made = optuna.create_study(
        storage=storage_of(source), study_name="s-2", directions=source.directions
    )
    began = time.monotonic()
    found = claim_study(source, "s-2", FORK)
    assert time.monotonic() - began >= 0.1
    assert found is not None
    assert id_of(found) == id_of(made)
    assert Origin.of(found) == FORK


def test_attributes_are_completed_only_before_the_description(source: optuna.Study) -> None:
    """The description is stored last, so that it shows that all else is there."""
    study = optuna.create_study(
        storage=storage_of(source), study_name="s-2", directions=source.directions
    )
    complete_attributes(study, source, FORK)
    source.set_user_attr("late", 1)
    complete_attributes(study, source, FORK)
    assert "late" not in study.user_attrs


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        5,
        json.dumps({**asdict(FORK), "root": 1}),
        json.dumps({**asdict(FORK), "trials": -1}),
        json.dumps({**asdict(FORK), "trials": "3"}),
        json.dumps({**asdict(FORK), "description": {}}),
        json.dumps({"root": "s"}),
    ],
)
def test_what_is_no_origin_is_ignored_with_a_warning(
    source: optuna.Study, text: Any, caplog: pytest.LogCaptureFixture
) -> None:
    study = optuna.create_study(storage=storage_of(source), study_name="s-2")
    study.set_user_attr(ORIGIN.key, text)
    assert Origin.of(study) is None
    assert "another study was expected" in caplog.text
    assert description_of(study) is None


def test_a_study_without_a_description_has_that_of_its_origin(source: optuna.Study) -> None:
    study = optuna.create_study(storage=storage_of(source), study_name="s-2")
    ORIGIN.write(study, asdict(FORK))
    assert description_of(study) == FORK.description
    DESCRIPTION.write(study, _description(Widths((8, 16))))
    assert description_of(study) == _description(Widths((8, 16)))


def test_a_successor_is_no_fork_and_takes_later_trials_too() -> None:
    assert FORK.is_fork
    assert not replace(FORK, trials=None).is_fork
    assert replace(FORK, trials=0).is_fork


def test_no_sibling_has_a_name_that_is_not_stored(source: optuna.Study) -> None:
    assert load_sibling(source, "none") is None
    found = load_sibling(source, "s")
    assert found is not None
    assert id_of(found) == id_of(source)
