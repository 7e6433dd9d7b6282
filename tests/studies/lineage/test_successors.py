"""A search whose parameters got more options goes on in a successor, with all trials."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest
from lineages import KINDS, Widths, deaths, killed_after, measured, opened, searched

from bonas.errors import StudyMismatch
from bonas.spaces import Choices
from bonas.studies.budget import budget_of
from bonas.studies.outcomes import evaluated
from bonas.studies.records import BUDGET, COPIED, SUCCESSOR
from bonas.studies.study import load_study

WIDER = Widths((4, 8, 16, 32, 64, 128))


def test_a_search_goes_on_when_options_were_added(
    storage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    first = searched(Widths(), 5, storage).study
    later = searched(WIDER, 9, storage)
    assert later.study.study_name == "s.v2"
    assert measured(later.study)[:5] == measured(first)
    assert evaluated(later.study) == 9
    assert "width: [4, 128]" in caplog.text
    assert [c.choices["width"] in WIDER.widths for c in later.candidates] == [True] * 9
    assert searched(WIDER, 9, storage).study.study_name == "s.v2"
    assert not budget_of(optuna.load_study(study_name="s", storage=later.study._storage))
    assert later.study.user_attrs["bonas:seed"] == first.user_attrs["bonas:seed"]


def test_a_second_successor_follows_the_first(quick: Any) -> None:
    searched(Widths(), 3, quick)
    searched(WIDER, 4, quick)
    third = searched(Widths((*WIDER.widths, 256)), 5, quick).study
    assert third.study_name == "s.v3"
    assert evaluated(third) == 5
    assert load_study(quick, "s")[0].study_name == "s.v3"


def test_options_that_were_taken_away_are_a_mismatch(quick: Any) -> None:
    searched(WIDER, 2, quick)
    with pytest.raises(StudyMismatch, match="width was"):
        searched(Widths(), 2, quick)


def test_what_a_worker_finishes_at_the_old_study_comes_along_later(storage: Any) -> None:
    old = opened(Widths(), storage)
    BUDGET.write(old, 10)
    under_way = old.ask()
    Widths().suggest(under_way)
    later = opened(WIDER, storage)
    assert later.trials == []
    assert not budget_of(old)  # the worker begins no other
    old.tell(under_way, [70.0, 3.0])
    again = opened(WIDER, storage)
    assert [t.values for t in again.trials] == [[70.0, 3.0]]
    assert again.trials[0].user_attrs[COPIED.key] == "s#0"
    assert len(opened(WIDER, storage).trials) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_wherever_a_process_dies_the_next_call_completes_the_successor(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bonas.studies.lineage.origin._ORIGIN_TIMEOUT", 0.0)
    for writes, storage in deaths(kind, tmp_path, 16, one=9):
        first = searched(Widths(), 3, storage).study
        with killed_after(monkeypatch, storage, writes):
            opened(WIDER, storage)
        later = opened(WIDER, storage)
        assert measured(later) == measured(first)
        assert optuna.get_all_study_names(storage) == ["s", "s.v2"]
        old = optuna.load_study(study_name="s", storage=storage)
        assert (budget_of(old).amount, SUCCESSOR.read(old)) == (0, "s.v2")


def test_a_fork_to_which_options_are_added_has_a_successor(quick: Any) -> None:
    searched(Widths(), 3, quick)
    searched(Widths(scale=2), 2, quick, on_mismatch="fork")
    wider = Widths(WIDER.widths, scale=2)
    again = searched(wider, 3, quick, on_mismatch="fork").study
    assert (again.study_name, evaluated(again)) == ("s-2.v2", 3)
    assert searched(wider, 3, quick, on_mismatch="fork").study.study_name == "s-2.v2"


def test_every_storage_forbids_other_options_in_one_study(storage: Any) -> None:
    """Why there are successors: this fails once Optuna allows it."""
    study = optuna.create_study(storage=storage)
    study.ask().suggest_categorical("width", [8, 16])
    with pytest.raises(ValueError, match="dynamic value space"):
        study.ask().suggest_categorical("width", [8, 16, 32])


def test_a_successor_that_is_not_stored_is_ignored_with_a_warning(
    quick: Any, caplog: pytest.LogCaptureFixture
) -> None:
    study = searched(Widths(), 2, quick).study
    study.set_user_attr("bonas:successor", "s.v9")
    assert searched(Widths(), 3, quick).study.study_name == "s"
    assert "there is no study 's.v9'" in caplog.text


@dataclass(frozen=True)
class Deepened(Widths):
    """``Widths`` with a parameter ``depth``, for one kind only if ``kind`` names it."""

    kind: str | None = None

    @property
    def parameters(self) -> dict[str, tuple[Any, ...]]:
        return {**super().parameters, "depth": (1, 2)}

    def applies(self, name: str, earlier: Choices) -> bool:
        return name != "depth" or self.kind in (None, earlier["kind"])

    def describe(self) -> dict[str, Any]:
        """Return the description of ``Widths`` with one more parameter."""
        found = {**Widths().describe()}
        found["parameters"] = {**found["parameters"], "depth": [1, 2]}
        return found


@pytest.mark.parametrize(("kind", "is_whole"), [("elsewhere", True), (None, False)])
def test_a_new_parameter_is_an_added_option_only_if_all_trials_are_still_whole(
    quick: Any, kind: str | None, is_whole: bool
) -> None:
    first = searched(Widths(), 3, quick).study
    space = Deepened(kind=kind)
    if is_whole:
        assert measured(opened(space, quick)) == measured(first)
    else:
        with pytest.raises(StudyMismatch, match="depth is new"):
            opened(space, quick)
