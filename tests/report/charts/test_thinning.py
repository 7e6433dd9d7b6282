import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bonas.report.charts.thinning import line_kept, points_kept


@given(st.integers(0, 2_000), st.integers(20, 300), st.integers(0, 5))
def test_points_keep_extremes_and_what_must_stay(n: int, most: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    xs, ys = rng.standard_normal((2, n))
    always = [int(row) for row in rng.permutation(n)[:7]]
    kept = points_kept(xs, ys, most, always)
    assert kept == sorted({*kept})
    assert len(kept) <= max(most, 11)
    assert {*always} <= {*kept}
    if n:
        for values in (xs, ys):
            assert {int(values.argmin()), int(values.argmax())} <= {*kept}


def test_thinned_points_cover_the_picture() -> None:
    rng = np.random.default_rng(0)
    dense, sparse = rng.normal(0, 0.01, (2, 5_000)), rng.uniform(-1, 1, (2, 60))
    xs, ys = np.concatenate([dense, sparse], axis=1)
    kept = points_kept(xs, ys, 400)
    assert {*range(5_000, 5_060)} <= {*kept}, "the outlying ones are seen apart, so they stay"
    assert len(kept) == 400


def test_as_many_points_as_allowed_are_drawn() -> None:
    xs, ys = np.random.default_rng(0).standard_normal((2, 10_000))
    assert 1_800 < len(points_kept(xs, ys, 2_000)) <= 2_000


@given(st.integers(0, 3_000), st.integers(4, 200), st.integers(0, 5))
def test_lines_keep_their_ends_and_their_peaks(n: int, most: int, seed: int) -> None:
    ys = np.random.default_rng(seed).standard_normal(n)
    kept = line_kept(ys, most)
    assert len(kept) <= max(most, 4)
    assert kept == sorted({*kept})
    if n:
        assert {0, n - 1, int(ys.argmin()), int(ys.argmax())} <= {*kept}


def test_equal_points_are_no_trouble() -> None:
    same = np.ones(500)
    assert 1 <= len(points_kept(same, same, 40)) <= 40
