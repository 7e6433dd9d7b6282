"""Facts about the agreement of two rankings."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from bonas.deploy.rank_agreement import RankAgreement, _taus


def test_tau_counts_pairs() -> None:
    """Of 1 2 3 and 1 3 2, two pairs agree and one does not: 1/3."""
    found = RankAgreement.of([1.0, 2.0, 3.0], [1.0, 3.0, 2.0])
    assert found is not None
    assert found.tau == pytest.approx(1 / 3)
    assert str(found).startswith("0.33 [")


def test_the_simulated_tau_is_that_of_scipy() -> None:
    for order in permutations(range(4)):
        wanted = stats.kendalltau(range(4), order).statistic
        assert _taus(np.array([order], dtype=float))[0] == pytest.approx(wanted)


def test_three_networks_say_little() -> None:
    found = RankAgreement.of([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    assert found is not None
    low, high = found.interval
    assert low < 0 < high == 1.0


def test_many_networks_have_the_interval_of_fieller() -> None:
    draws = np.random.default_rng(1)
    x = draws.normal(size=40)
    y = x + draws.normal(size=40)
    found = RankAgreement.of(x.tolist(), y.tolist())
    assert found is not None
    centre, half = math.atanh(found.tau), 1.96 * math.sqrt(0.437 / 36)
    wanted = (math.tanh(centre - half), math.tanh(centre + half))
    assert found.interval == pytest.approx(wanted, abs=0.06)
    more = RankAgreement.of([*x, *x + 10], [*y, *y + 10])
    assert more is not None
    assert more.interval[0] < more.tau < more.interval[1]


def test_the_interval_holds_the_true_tau_as_often_as_it_says() -> None:
    """Draw rankings of 6 with tau 0.5: 95 % coverage, five standard errors (20 %) below at most."""
    draws = np.random.default_rng(2)
    rho, hits = math.sin(math.pi / 4), 0
    for _ in range(30):
        x, e = draws.normal(size=(2, 6))
        found = RankAgreement.of(x.tolist(), (rho * x + math.sqrt(1 - rho**2) * e).tolist())
        assert found is not None
        hits += found.interval[0] <= 0.5 <= found.interval[1]
    assert hits / 30 >= 0.95 - 0.2


def test_one_network_has_no_ranking_and_equal_ones_no_tau() -> None:
    assert RankAgreement.of([1.0], [1.0]) is None
    found = RankAgreement.of([1.0, 1.0], [1.0, 2.0])
    assert found is not None
    assert math.isnan(found.tau)
    assert found.interval == (-1.0, 1.0)
    assert str(found) == "not defined, since all of 2 networks have one value"
