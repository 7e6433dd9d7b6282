"""Units are stored with a study; a search in other units is another search."""

from __future__ import annotations

import logging
from typing import Any

import optuna
import pytest
from lineages import Measure, Widths, measured, opened, searched

import bonas
from bonas.errors import StudyMismatch
from bonas.evaluation import Objective
from bonas.report.searched import Searched
from bonas.studies.lineage.description import objectives_in
from bonas.studies.lineage.origin import description_of, objectives_of
from bonas.studies.lineage.units import KEY, stored_units
from bonas.studies.records import DESCRIPTION


def goals(energy: str, accuracy: str = "%") -> list[Objective]:
    return [
        Objective("accuracy", "maximize", accuracy),
        Objective("energy", "minimize", energy),
    ]


def measure(candidate: Any) -> dict[str, float]:
    return {"accuracy": 50.0 + candidate.choices["width"] / 4, "energy": candidate.choices["width"]}


def search(storage: Any, objectives: Any, n: int = 3, **more: Any) -> bonas.SearchResult:
    return searched(Widths(), n, storage, evaluate=measure, objectives=objectives, **more)


def units(study: optuna.Study) -> dict[str, str]:
    return stored_units(description_of(study) or {})


def shown(study: optuna.Study, given: Any = None) -> list[str]:
    return [goal.unit for goal in Searched.of(study, None, given).objectives]


def without_units(storage: Any) -> optuna.Study:
    """Return the study as an earlier version stored it."""
    study = optuna.load_study(study_name="s", storage=storage)
    stored = dict(DESCRIPTION.read(study) or {})
    del stored[KEY]
    DESCRIPTION.write(study, stored)
    return study


def test_a_study_holds_the_units_of_its_objectives(storage: Any) -> None:
    search(storage, goals("mJ"))
    study = optuna.load_study(study_name="s", storage=storage)
    assert units(study) == {"accuracy": "%", "energy": "mJ"}
    assert shown(study) == ["%", "mJ"]
    assert KEY not in study.user_attrs
    assert objectives_in(description_of(study) or {}) == tuple(goals("mJ"))


def test_given_units_win_over_stored_ones_and_stored_ones_over_usual_ones(quick: Any) -> None:
    study = search(quick, goals("mJ", "points")).study
    assert shown(study) == ["points", "mJ"]
    assert shown(study, goals("J", "%")) == ["%", "J"]
    assert shown(study, goals("")) == ["%", "mJ"]  # that of energy is not said


def test_an_accuracy_without_a_unit_is_a_fraction(quick: Any) -> None:
    study = search(quick, goals("mJ", "")).study
    assert shown(study) == ["", "mJ"]
    with pytest.raises(StudyMismatch, match="the unit of 'accuracy' was '', now '%'"):
        search(quick, goals("mJ", "%"))


def test_another_unit_is_refused(storage: Any) -> None:
    search(storage, goals("mJ"))
    with pytest.raises(StudyMismatch, match=r"the unit of 'energy' was 'mJ', now 'J'\. Choose"):
        search(storage, goals("J"), 5)
    study = optuna.load_study(study_name="s", storage=storage)
    assert units(study)["energy"] == "mJ"
    assert len(study.trials) == 3


def test_a_fork_in_another_unit_has_none_of_the_values_and_is_found_again(quick: Any) -> None:
    search(quick, goals("mJ"))
    fork = search(quick, goals("J"), 2, on_mismatch="fork").study
    assert fork.study_name == "s-2"
    assert (shown(fork), len(measured(fork))) == (["%", "J"], 2)
    again = search(quick, goals("J"), 3, on_mismatch="fork").study
    assert (again.study_name, len(measured(again))) == ("s-2", 3)
    assert search(quick, goals("mJ"), 3, on_mismatch="fork").study.study_name == "s"


def test_a_study_without_units_takes_them_in(storage: Any) -> None:
    search(storage, goals("mJ"))
    study = without_units(storage)
    assert shown(study) == ["%", ""]
    resumed = search(storage, goals("J"), 5).study
    assert len(measured(resumed)) == 5
    assert shown(optuna.load_study(study_name="s", storage=storage)) == ["%", "J"]


def test_a_unit_that_is_not_said_contradicts_none(quick: Any) -> None:
    search(quick, {"accuracy": "maximize", "energy": "minimize"}, 2)
    assert units(optuna.load_study(study_name="s", storage=quick)) == {"accuracy": "%"}
    search(quick, goals("mJ"))
    again = search(quick, {"accuracy": "maximize", "energy": "minimize"}, 4)
    assert again.objectives == tuple(goals("mJ"))
    assert shown(optuna.load_study(study_name="s", storage=quick)) == ["%", "mJ"]


def test_a_successor_has_the_units_too(quick: Any) -> None:
    search(quick, goals("mJ"))
    by_name = {"accuracy": "maximize", "energy": "minimize"}
    wider = opened(Widths((8, 16, 32, 64, 128)), quick, evaluate=measure, objectives=by_name)
    assert wider.study_name == "s.v2"
    assert shown(wider) == ["%", "mJ"]
    with pytest.raises(StudyMismatch, match="the unit of 'energy' was"):
        opened(Widths((8, 16, 32, 64, 256)), quick, evaluate=measure, objectives=goals("J"))


def test_values_in_another_unit_are_no_data_of_a_search(quick: Any) -> None:
    earlier = search(quick, goals("mJ")).study
    with pytest.raises(StudyMismatch, match=r"warm_start: .* the unit of 'energy' was 'mJ'"):
        search(None, goals("J"), warm_start=earlier)
    assert len(search(None, goals("mJ"), 1, warm_start=earlier).candidates) == 4


@pytest.mark.parametrize(
    "damage",
    ["mJ", ["mJ"], 1, {"energy": 1}, {"energy": "m\0J"}, {"energy": "x" * 999}, {"energy": {}}],
)
def test_units_that_cannot_be_read_count_as_absent(
    damage: Any, quick: Any, caplog: pytest.LogCaptureFixture
) -> None:
    search(quick, goals("mJ"))
    study = optuna.load_study(study_name="s", storage=quick)
    stored = description_of(study) or {}
    DESCRIPTION.write(study, {**stored, KEY: damage})
    with caplog.at_level(logging.WARNING):
        assert shown(study) == ["%", ""]
        assert shown(study) == ["%", ""]
    assert sum(KEY in record.message for record in caplog.records) == 1
    search(quick, goals("J"), 4)
    assert shown(study) == ["%", "J"]


def test_objectives_keep_what_they_say(quick: Any) -> None:
    study = search(quick, goals("mJ")).study
    assert objectives_of(study, goals("J")) == tuple(goals("J"))
    assert objectives_of(optuna.create_study(), goals("J")) == tuple(goals("J"))


def test_a_space_may_have_a_setting_that_is_called_units(quick: Any) -> None:
    class Named(Widths):
        def describe(self) -> dict[str, Any]:
            return {**super().describe(), "units": [1, 2]}

    study = opened(Named(), quick, evaluate=Measure())
    assert (description_of(study) or {})["units"] == [1, 2]
    assert units(study) == {"accuracy": "%", "latency": "ms"}
