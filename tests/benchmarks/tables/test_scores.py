"""Zero-cost scores of a table: whose they are, and what they look like."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from published_tables import DATA, needs, needs_package
from scipy.stats import spearmanr
from small_tables import NAN

from bonas.benchmarks.tables import Lookup, NASBench201Table, Table, problem
from bonas.benchmarks.tables.scores import SCORE_SIGNALS, RecordedScores, load_scores
from bonas.errors import BonasError, InvalidArgument, InvalidData, MissingData
from bonas.evaluation.score_source import declared_scores, is_free

CELLS = list(product(range(5), repeat=6))


def write(folder: Path, scored: Sequence[tuple[int, ...]], score: object) -> None:
    """Write files whose official order is the reversed one."""
    official = CELLS[::-1]
    np.savez(folder / "nb201.npz", ops=np.array(official, np.int8))
    np.savez(
        folder / "nb201_zero_cost.npz",
        arch=np.array([official.index(cell) for cell in scored], np.int32),
        datasets=np.array(["cifar10", "ImageNet16-120"]),
        proxies=np.array(["jacov", "synflow"]),
        score=np.asarray(score, np.float32),
    )


def test_a_cell_has_its_own_scores_or_else_those_of_the_first_isomorphic_one(
    tmp_path: Path,
) -> None:
    one, other, alone = (0, 0, 0, 3, 0, 0), (1, 0, 0, 0, 3, 0), (2, 2, 2, 2, 2, 2)
    write(tmp_path, [one, other, alone], [[[1, 2], [3, 4], [5, 6]], [[7, 8], [9, 10], [11, 12]]])
    networks = ["".join(map(str, cell)) for cell in CELLS]
    twins = [CELLS.index(cell) for cell in (one, other, (0, 1, 0, 0, 0, 3))]
    for cell in twins:
        networks[cell] = "a convolution"
    for dataset, offset in {"cifar10": 0, "cifar100": 0, "ImageNet16-120": 6}.items():
        found = load_scores(tmp_path, dataset, networks)
        assert found.names == ("jacov", "synflow")
        expected = np.array([[1, 2], [3, 4], [1, 2]]) + offset
        np.testing.assert_array_equal(found.values[twins], expected)
        assert found.of(CELLS.index(alone)) == {"jacov": 5.0 + offset, "synflow": 6.0 + offset}
        assert np.isnan(found.values).all(axis=1).sum() == len(CELLS) - 4


def small(signal: str = "published") -> Table:
    known = RecordedScores(("zen",), np.array([[1.0], [2.0], [NAN], [4.0]]))
    table = Table.of(
        {width: {"accuracy": float(width)} for width in range(4)},
        parameters=["width"],
        objectives={"accuracy": "maximize"},
    )
    truth = table.truth.copy()
    truth[0] = NAN
    return Table(
        "small", table.space, table.objectives, table.rows, truth, scores=known.shown_as(signal)
    )


def test_a_lookup_declares_the_scores_of_the_rows_that_are_left() -> None:
    table = small()
    source = declared_scores(Lookup(table))
    assert source is not None
    assert list(source.names) == ["zen"]
    assert [source(table.space, {"width": width})["zen"] for width in (1, 3)] == [2.0, 4.0]
    assert np.isnan(source(table.space, {"width": 2})["zen"])
    assert is_free(source)
    with pytest.raises(InvalidArgument, match="has no row"):
        source(table.space, {"width": 0})


def test_other_scores_of_a_table_are_described_otherwise() -> None:
    sources = [declared_scores(Lookup(small(signal))) for signal in SCORE_SIGNALS]
    described = [source.describe() for source in sources if source is not None]
    assert described == [{"table": "small", "signal": signal} for signal in SCORE_SIGNALS]


def test_a_table_without_scores_declares_none() -> None:
    rows = {1: {"accuracy": 1.0}, 2: {"accuracy": 2.0}}
    plain = Table.of(rows, parameters=["width"], objectives={"accuracy": "maximize"})
    assert declared_scores(plain.evaluate) is None


def test_scores_are_shown_reversed_or_as_noise_that_knows_nothing() -> None:
    values = np.arange(3_000.0)[:, np.newaxis]
    values[7] = NAN
    scores = RecordedScores(("zen",), values)
    np.testing.assert_array_equal(scores.shown_as("reversed").values, -values)
    noise = scores.shown_as("noise").values
    np.testing.assert_array_equal(noise, scores.shown_as("noise").values)
    assert np.flatnonzero(np.isnan(noise)).tolist() == [7]
    rho = spearmanr(noise[:, 0], values[:, 0], nan_policy="omit").statistic
    assert abs(rho) < 5 / np.sqrt(3_000)
    assert scores.shown_as("published") is scores


@pytest.mark.parametrize(
    ("names", "shape", "message"),
    [
        ((), (2, 0), "different names"),
        (("a", "a"), (2, 2), "different names"),
        (("a",), (2,), "n x 1"),
    ],
)
def test_scores_that_do_not_fit_are_refused(
    names: tuple[str, ...], shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        RecordedScores(names, np.zeros(shape))


@needs_package
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"scores": "nowhere"}, MissingData, "no nb201_zero_cost.npz in 'nowhere'"),
        ({"score_signal": "louder"}, InvalidArgument, "louder"),
    ],
)
def test_scores_that_are_not_there_are_named(
    arguments: dict[str, str], error: type[BonasError], message: str
) -> None:
    with pytest.raises(error, match=message):
        NASBench201Table("cifar10", **arguments)


def test_a_file_of_other_data_sets_is_refused(tmp_path: Path) -> None:
    write(tmp_path, [(0,) * 6], [[[1, 2]], [[3, 4]]])
    data = dict(np.load(tmp_path / "nb201_zero_cost.npz"))
    np.savez(tmp_path / "nb201_zero_cost.npz", **{**data, "datasets": np.array(["svhn", "mnist"])})
    with pytest.raises(InvalidData, match="scores of cifar10"):
        load_scores(tmp_path, "cifar100", ["key"] * len(CELLS))


@needs_package
@needs("nb201_zero_cost.npz", "nb201.npz")
def test_the_published_scores_belong_to_their_cells() -> None:
    """The file's parameter counts are those of the rows, and its best scores rank accuracies."""
    table = NASBench201Table("cifar100", ("accuracy", "parameters"), scores=DATA)
    assert table.name == "nb201-cifar100-parameters+scores"
    assert table.scores is not None
    names, values = table.scores.names, table.scores.values
    assert values.shape == (15_625, 13)
    assert np.isfinite(values).all()
    own = np.abs(values[:, names.index("params")] * 1e6 - table.truth[:, 1]) < 6_000
    assert own.sum() >= 9_445  # classes * 64 parameters apart; isomorphic cells count dead ones
    rho = spearmanr(values[:, names.index("nwot")], table.truth[:, 0]).statistic
    assert rho > 0.7


@needs_package
@needs("nb201_zero_cost.npz", "nb201.npz")
def test_problems_with_scores_have_the_name_that_they_are_asked_by() -> None:
    for name in ("nb201-imagenet16-edgegpu+noise", "nb201-cifar10+reversed"):
        assert problem(name, DATA).name == name
