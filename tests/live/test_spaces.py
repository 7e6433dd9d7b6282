"""Facts about the space of a study that is shown."""

from __future__ import annotations

import optuna
from lineages import Widths, opened

from bonas.evaluation import as_objectives
from bonas.live.spaces import KnownSpaces
from bonas.spaces import NASBench201
from bonas.studies.lineage.description import make_description, store_description


def test_a_study_of_another_program_has_no_space() -> None:
    assert KnownSpaces(Widths()).of(optuna.create_study()) is None


def test_a_given_space_is_that_of_the_studies_that_were_made_for_it() -> None:
    given = Widths()
    assert KnownSpaces(given).of(opened(Widths(), None)) is given
    assert KnownSpaces(given).of(opened(Widths((8, 16)), None)) is None


def test_a_space_of_bonas_is_known_and_kept() -> None:
    study, space = optuna.create_study(), NASBench201(channels=8, cells=1)
    goals = as_objectives({"value": "minimize"})
    store_description(study, make_description({**space.describe(), "evaluation": {}}, goals))
    known = KnownSpaces()
    assert known.of(study) == space
    assert known.of(study) is known.of(study)
