import numpy as np
import pytest

from bonas.report.statistics.choices import ABSENT, Parameter
from bonas.report.statistics.effects import grouped
from bonas.report.statistics.importance import Importance

STRENGTHS = np.array([2.0, 1.0, 0.0, 0.0, 0.0, 0.0])
NOISE = 0.3


def additive(n: int, seed: int) -> tuple[list[Parameter], np.ndarray, np.ndarray]:
    """Return parameters, values of an additive function of the first two, and its terms."""
    rng = np.random.default_rng(seed)
    d, k = len(STRENGTHS), 4
    X = rng.integers(0, k, (n, d))
    terms = rng.standard_normal((d, k))
    terms -= terms.mean(axis=1, keepdims=True)
    terms *= (STRENGTHS / terms.std(axis=1))[:, None]
    y = sum(terms[j][X[:, j]] for j in range(d)) + NOISE * rng.standard_normal(n)
    rows = [{f"p{j}": f"o{x}" for j, x in enumerate(row)} for row in X]
    return [Parameter.of(f"p{j}", rows) for j in range(d)], y, terms


def test_the_shares_of_an_additive_function_are_found() -> None:
    truth = STRENGTHS**2 / (STRENGTHS @ STRENGTHS + NOISE**2)
    found = [[s.value for s in Importance.of(*additive(80, s)[:2], s).shares] for s in range(8)]
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(8)
    assert np.abs(mean - truth) == pytest.approx(0.0, abs=float(5 * error.max()))
    assert mean[0] > 3 * mean[1] > 0


def test_with_thirty_values_the_order_is_right_and_nothing_is_made_of_nothing() -> None:
    false, first, R = 0, 0, 12
    for seed in range(R):
        shares = Importance.of(*additive(30, seed)[:2], seed).shares
        first += int(np.argmax([share.value for share in shares])) == 0
        false += sum(share.is_sure for share in shares[2:])
        assert all(share.low <= 0 <= share.high or share.low > 0 for share in shares[2:])
    assert first == R
    assert false <= 3, "of 48 intervals, at most 2.5 % are expected to lie above 0"


def test_values_without_any_order_are_not_explained() -> None:
    sure, explained = 0, []
    for seed in range(8):
        own, y, _ = additive(40, seed)
        found = Importance.of(own, np.random.default_rng(seed).permutation(y), seed)
        sure += sum(share.is_sure for share in found.shares)
        explained.append(found.explained.low <= 0)
    assert sure <= 3, "of 48 intervals"
    assert all(explained)


def test_intervals_of_effects_hold_the_true_effects() -> None:
    held = []
    for seed in range(8):
        own, y, terms = additive(60, seed)
        found = Importance.of(own, y, seed)
        for j in (0, 1):
            counts = np.array([effect.n for effect in found.effects[j]])
            true = [terms[j][int(str(effect.option)[1:])] for effect in found.effects[j]]
            centred = np.array(true) - counts @ true / counts.sum()
            for effect, value in zip(found.effects[j], centred, strict=True):
                held.append(effect.low <= value <= effect.high)
                assert effect.mean == pytest.approx(value, abs=5 * NOISE)
    assert np.mean(held) > 0.85, "of 64 intervals of 95 %"


def test_the_same_seed_gives_the_same_numbers_and_global_state_stays() -> None:
    state = str(np.random.get_state())  # noqa: NPY002  # what must not change
    own, y, _ = additive(30, 0)
    assert Importance.of(own, y, 7).shares == Importance.of(own, y, 7).shares
    assert str(np.random.get_state()) == state  # noqa: NPY002  # as above


def test_a_parameter_that_only_some_have_is_judged_by_those() -> None:
    rng, rows, y = np.random.default_rng(0), [], []
    for _ in range(80):
        kind, rate = str(rng.choice(["a", "b"])), float(rng.random())
        rows.append({"kind": kind, "rate": rate} if kind == "a" else {"kind": kind})
        y.append((3.0 * rate if kind == "a" else 1.5) + 0.1 * rng.standard_normal())
    own = [grouped(Parameter.of(name, rows)) for name in ("kind", "rate")]
    assert set(own[1].codes[[row["kind"] == "b" for row in rows]]) == {ABSENT}
    shares = Importance.of(own, np.array(y)).shares
    assert shares[1].is_sure
    assert shares[1].value > 0.5


def test_many_numbers_become_ranges_that_hold_them() -> None:
    values = np.random.default_rng(0).random(100)
    found = grouped(Parameter.of("rate", [{"rate": float(value)} for value in values]), 5)
    assert len(found.values) == 5
    assert np.bincount(found.codes).min() >= 15
    for value, code in zip(values, found.codes, strict=True):
        low, high = map(float, found.values[code].split(" to "))
        assert low - 1e-3 <= value <= high + 1e-3


@pytest.mark.parametrize(
    ("values", "is_ordered"),
    [([1, 2, 3], True), ([1, 2], False), (["a", "b", "c"], False), ([True, False, 1], False)],
)
def test_three_different_numbers_are_ordered(values: list[object], is_ordered: bool) -> None:
    assert Parameter.of("x", [{"x": value} for value in values]).is_ordered is is_ordered
