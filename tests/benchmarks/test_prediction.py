"""How the quality of a surrogate's predictions is measured."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kendalltau

from bonas.benchmarks.prediction import Quality, _scores, _valid_rows, predict, prediction_table
from bonas.benchmarks.tables import Table
from bonas.benchmarks.tables.scores import RecordedScores
from bonas.benchmarks.tables.spaces import MeasuredPart
from bonas.errors import InvalidArgument

WIDTHS = (8, 16, 32, 64)


def _table() -> Table:
    """Return a table whose accuracy and latency follow from four widths."""
    rows = []
    for widths in itertools.product(WIDTHS, repeat=4):
        total = sum(np.log2(widths))
        rows.append(
            {
                **{f"width{i}": width for i, width in enumerate(widths)},
                "accuracy": 95.0 - 40.0 / total,
                "latency": 0.1 * sum(widths),
            }
        )
    return Table.of(
        rows,
        parameters=[f"width{i}" for i in range(4)],
        objectives={"accuracy": "maximize", "latency": "minimize"},
    )


def test_a_surrogate_learns_a_table_from_a_few_rows_and_better_from_more() -> None:
    found = list(predict(_table(), ["gp"], [10, 60], draws=3))
    assert [(q.objective, q.rows, q.draw) for q in found] == list(
        itertools.product(["accuracy", "latency"], [10, 60], range(3))
    )
    few, many = (np.mean([q.kendall for q in found if q.rows == n]) for n in (10, 60))
    assert 0.2 < few < many
    assert many > 0.85
    assert np.mean([q.within for q in found if q.objective == "accuracy"]) > 0.9


def test_draws_may_be_named_and_values_may_be_those_of_a_search() -> None:
    every = list(predict(_table(), ["gp"], [20], 3, ["ranks", "search"]))
    assert [(q.values, q.draw) for q in every[:6]] == list(
        itertools.product(["ranks", "search"], range(3))
    )
    assert every[2:3] == [q for q in predict(_table(), ["gp"], [20], [2]) if q.rows == 20][:1]
    assert every[0].kendall != every[3].kendall


def test_scores_are_read_by_the_surrogates_that_can() -> None:
    """A score that knows the accuracy helps; 300 networks are more than there are."""
    table = _table()
    rng = np.random.default_rng(0)
    values = np.stack([table.truth[:, 0] ** 3, rng.standard_normal(len(table.rows))], axis=1)
    known = RecordedScores(("exact", "noise"), values)
    scored = Table("scored", table.space, table.objectives[:1], table.rows, table.truth[:, :1])
    scored = replace(scored, scores=known)
    found = list(predict(scored, ["gp", "forest"], [10], draws=3))
    assert list(dict.fromkeys(q.surrogate for q in found)) == ["gp", "gp+scores", "forest"]
    plain, with_scores, _ = (np.mean([q.kendall for q in found[i : i + 3]]) for i in (0, 3, 6))
    assert with_scores > plain


def test_every_surrogate_reads_the_encoders_that_are_given() -> None:
    own, given = (
        list(predict(_table(), ["gp"], [20], 1, encoders=encoders))
        for encoders in (None, ["one_hot", "statistics"])
    )
    assert own == given
    (other, *_) = predict(_table(), ["gp"], [20], 1, encoders=["one_hot"])
    assert other.kendall != own[0].kendall
    with pytest.raises(InvalidArgument, match="unknown encoder 'onehot'"):
        list(predict(_table(), ["gp"], [20], 1, encoders=["onehot"]))


def test_ranks_keep_apart_what_a_floor_makes_equal() -> None:
    """Of four tenths of the values that lie far below, a search's transform knows no order."""
    table = _table()
    truth = table.truth[:, :1].copy()
    bad = truth[:, 0] < np.quantile(truth, 0.2)
    truth[bad] = 1e3 * (truth[bad] - truth[~bad].min())
    steep = Table("steep", table.space, table.objectives[:1], table.rows, truth)
    found = list(predict(steep, ["gp"], [60], 3, ["ranks", "search"]))
    ranks, search = (
        np.mean([q.kendall for q in found if q.values == v]) for v in ("ranks", "search")
    )
    assert ranks > search


def test_every_surrogate_sees_the_same_rows() -> None:
    once = list(predict(_table(), ["gp", "gp"], [20], draws=2))
    half = len(once) // 2
    assert once[:half] == once[half:]


def test_scores_by_hand() -> None:
    # of the pairs of predicted values one of three is in the wrong order: tau = (2 - 1) / 3;
    # -11 is within a tenth of -10, -5 and -4 are not within a tenth of -8 and -6
    predicted, truth = np.array([-11.0, -4.0, -5.0]), np.array([-10.0, -8.0, -6.0])
    tau, _, within = _scores(predicted, truth)
    assert tau == pytest.approx(1 / 3) == kendalltau(predicted, truth).statistic
    assert within == pytest.approx(1 / 3)


def test_the_table_shows_means() -> None:
    found = [
        Quality("gp", "ranks", "accuracy", 39, draw, tau, 0.9, 0.5)
        for draw, tau in enumerate((0.7, 0.8))
    ]
    last = prediction_table(found).splitlines()[-1]
    assert last.split() == [
        "gp",
        "ranks",
        "accuracy",
        "39",
        "2",
        "0.750",
        "±",
        "0.050",
        "0.900",
        "50.0",
    ]


@pytest.mark.parametrize(
    ("surrogates", "sizes", "message"),
    [
        (["gpp"], [10], "unknown surrogate 'gpp'"),
        (["random"], [10], "predicts nothing"),
        (["gp"], [1], "sizes must be from 2 to 255"),
        (["gp"], [256], "sizes must be from 2 to 255"),
    ],
)
def test_bad_input_is_explained(surrogates: list[str], sizes: list[int], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        list(predict(_table(), surrogates, sizes, draws=1))


def test_ranks_correlate_as_spearman_defines() -> None:
    # Ranks 1, 2, 3, 4 against 2, 1, 3, 4: 1 - 6 * (1 + 1) / (4 * 15) = 0.8; one of six pairs wrong.
    tau, rho, within = _scores(np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 1.0, 3.0, 4.0]))
    assert (tau, rho, within) == pytest.approx((4 / 6, 0.8, 0.5))


def test_one_draw_has_no_standard_error() -> None:
    found = [Quality("gp", "ranks", "accuracy", 39, 0, 0.7, 0.9, 0.25)]
    last = prediction_table(found).splitlines()[-1]
    assert last.split() == [
        "gp",
        "ranks",
        "accuracy",
        "39",
        "1",
        "0.700",
        "±",
        "nan",
        "0.900",
        "25.0",
    ]


def test_rows_that_the_space_does_not_allow_are_left_out() -> None:
    table = _table()
    space = MeasuredPart(table.space, table.rows[:7])
    part = Table("part", space, table.objectives, table.rows, table.truth)
    choices, truth = _valid_rows(part)
    assert len(choices) == 7
    np.testing.assert_array_equal(truth, table.truth[:7])


def test_an_unknown_outcome_transform_is_named() -> None:
    with pytest.raises(InvalidArgument, match="unknown outcome transform 'rank'"):
        list(predict(_table(), ["gp"], [10], 1, ["rank"]))
