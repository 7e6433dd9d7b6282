"""The benchmark of stopped trainings: draws, scores and rows."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from scipy.stats import norm

from bonas.benchmarks.fidelity import (
    ROWS,
    Outcome,
    Recorded,
    Scores,
    _drawn,
    _scored,
    fidelity_table,
    stopped_trainings,
)
from bonas.benchmarks.tables.folder import RecordedCells
from bonas.benchmarks.tables.spikenas_bench import OPERATIONS
from bonas.cli import main
from bonas.errors import InvalidArgument, MissingData
from tests.published_tables import DATA, needs


def _recorded(n: int = 420) -> Recorded:
    """Return trainings whose value at epoch 10 has the order of the final one."""
    rng = np.random.default_rng(0)
    cells = list(itertools.islice(itertools.product(OPERATIONS, repeat=6), 0, 15_000, 15_000 // n))
    gains = rng.uniform(0.5, 2.0, (6, len(OPERATIONS)))
    index = {name: i for i, name in enumerate(OPERATIONS)}
    final = np.array([70 + sum(gains[e, index[op]] for e, op in enumerate(c)) for c in cells])
    epochs = np.linspace(0.01, 1.0, 100)
    training = final[:, None] * epochs
    validation = training - 3 * rng.random(training.shape)
    return Recorded(RecordedCells(OPERATIONS), cells, validation, training, final)


def test_stopped_trainings_teach_and_are_ruinous_as_finished_ones() -> None:
    found = list(stopped_trainings(_recorded(), ["gp"], 12, 40, 10, range(3)))
    assert {(o.row, o.draw) for o in found} == set(itertools.product(ROWS, range(3)))
    rmse = {row: np.mean([o.scores.rmse for o in found if o.row == row]) for row in ROWS}
    assert rmse["all"] < rmse["training"] < 0.9 * rmse["finished"]
    assert rmse["as finished"] > 5 * rmse["finished"]


@pytest.mark.parametrize("which", ["worst", "spared"])
def test_the_worst_are_stopped_and_one_in_ten_is_spared(which: str) -> None:
    recorded = _recorded()
    spared = 0
    for seed in range(10):
        drawn = _drawn(recorded, 20, 40, 10, seed, which)
        assert (len(drawn.finished), len(drawn.stopped), len(drawn.unseen)) == (20, 40, 300)
        every = np.concatenate([drawn.finished, drawn.stopped, drawn.unseen])
        assert len({*every.tolist()}) == 360
        worst = recorded.training[drawn.finished, 9].min()
        spared += int((recorded.training[drawn.stopped, 9] > worst).any())
    assert spared == 0 if which == "worst" else spared > 5


def test_scores_by_hand() -> None:
    scores = _scored(
        np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.0, 0.1]), np.array([2.0, 3.0, 5.0])
    )
    assert scores.spearman == pytest.approx(1.0)
    assert scores.rmse == pytest.approx(1.0)
    assert scores.coverage == pytest.approx(2 / 3)  # 1 < 1.28, 1 < 1.28, 1 > 0.128
    assert scores.density == pytest.approx(-np.mean(norm.logpdf([1, 1, 1], 0, [1, 1, 0.1])))


def test_the_table_has_means_with_intervals() -> None:
    found = [Outcome("gp", "all", i, Scores(s, 1.0, 0.8, 2.0)) for i, s in enumerate((0.6, 0.8))]
    assert re.search(r"gp +all +2 +0\.700 ± 0\.196 +1\.000 ± 0\.000", fidelity_table(found))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"which": "best"}, "best"),
        ({"values": "ranks"}, "ranks"),
        ({"finished": 4}, "finished must be"),
        ({"cut": 100}, "cut from 1 to 99, got 100"),
        ({"stopped": 400}, "at most 129 trainings"),
        ({"surrogates": ["random"]}, "predicts nothing"),
    ],
)
def test_bad_arguments_are_refused(change: dict[str, object], message: str) -> None:
    given = {"surrogates": ["gp"], "finished": 10, "stopped": 10, "cut": 10, "draws": [0]}
    with pytest.raises(InvalidArgument, match=message):
        next(stopped_trainings(_recorded(419), **{**given, **change}))  # type: ignore[arg-type]  # wrong


def test_a_folder_without_the_curves_is_refused(tmp_path: object) -> None:
    with pytest.raises(MissingData, match="spikenas"):
        Recorded.of(str(tmp_path))


@needs("spikenas.npz")
def test_the_command_prints_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--folder", str(DATA), "--surrogates", "gp", "--draws", "1", "--values", "search"]
    assert main(["bench", "fidelity", *arguments]) == 0
    printed = capsys.readouterr().out
    assert all(f"gp                 {row}" in printed for row in ROWS)
