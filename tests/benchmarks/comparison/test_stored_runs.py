"""Comparisons that an earlier state of bonas stored still open, resume, and are reported.

``stored/many.log.gz`` is a journal with two runs of five evaluations on ``many_rows(40)``: that of
``nsga2``, and that of the variant ``gp``, ``{"surrogate": "gp", "n_initial": 3}``.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from comparisons import many_rows, quietly, recorded
from optuna.storages import InMemoryStorage

from bonas.benchmarks import ablate
from bonas.benchmarks.comparison import RunKey, load_comparison
from bonas.benchmarks.report import markdown
from bonas.errors import StudyMismatch
from bonas.studies.storages.opening import open_storage

GP = {"gp": {"surrogate": "gp", "n_initial": 3}}


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    path = tmp_path / "many.log"
    packed = Path(__file__).with_name("stored") / "many.log.gz"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    return path


def test_a_stored_comparison_is_read_with_its_answer_and_predictions(storage: Path) -> None:
    found = load_comparison(storage)
    assert set(found.runs) == {RunKey("many", "nsga2", 0), RunKey("many", "gp", 0)}
    assert found.budget == 5
    reference, table = found.problems["many"], many_rows(40)
    assert reference.exact
    assert reference.hypervolume == pytest.approx(table.max_hypervolume)
    run = found.runs[RunKey("many", "gp", 0)]
    assert np.isfinite(run.mean).all(axis=1).tolist() == [False] * 3 + [True] * 2
    assert (run.seconds > 0.0).all()
    assert found.values("many", "asks", "x")["gp"].tolist() == [2.0]
    assert "5 full evaluations per run" in markdown(found)


def test_a_stored_run_goes_on_as_if_it_had_not_stopped(storage: Path) -> None:
    quietly(["nsga2"], [many_rows(40)], 9, 1, storage=storage)
    through = InMemoryStorage()
    quietly(["nsga2"], [many_rows(40)], 9, 1, storage=through)
    assert recorded(open_storage(storage), "many/nsga2/0") == recorded(through, "many/nsga2/0")


def test_a_stored_variant_goes_on_with_the_same_settings_alone(storage: Path) -> None:
    before = load_comparison(storage).runs[RunKey("many", "gp", 0)].values
    found = ablate(many_rows(40), GP, budget=7, seeds=1, storage=storage, progress=False)
    after = found.runs[RunKey("many", "gp", 0)].values
    assert len(after) == 7
    np.testing.assert_array_equal(after[:5], before)
    other = {"gp": {"surrogate": "gp", "n_initial": 4}}
    with pytest.raises(StudyMismatch, match=r"settings.n_initial was 3, now 4"):
        ablate(many_rows(40), other, budget=7, seeds=1, storage=storage, progress=False)
