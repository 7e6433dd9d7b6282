import math
from collections.abc import Callable

import pytest

from bonas.errors import InvalidArgument
from bonas.gradient_search.stopping import Check, EigenvalueRule, SkipRule, StoppingRule

OPTIONS = ("skip_connect", "conv", "pool")
SKIP, CONV, POOL = (2.0, 1.0, 0.0), (1.0, 2.0, 0.0), (0.0, 1.0, 2.0)


def check(*logits: tuple[float, ...], eigenvalue: float = math.nan) -> Check:
    names = [f"edge_{i}" for i in range(len(logits))]
    options = dict.fromkeys(names, OPTIONS)
    return Check(dict(zip(names, logits, strict=True)), options, eigenvalue)


def answers(rule: StoppingRule, eigenvalues: list[float]) -> list[int | None]:
    return [rule(check(CONV, eigenvalue=each)) for each in eigenvalues]


def test_a_steady_or_falling_eigenvalue_stops_nothing() -> None:
    assert answers(EigenvalueRule(), [0.3] * 12) == [None] * 12
    assert answers(EigenvalueRule(), [1 / (k + 1) for k in range(12)]) == [None] * 12


def test_a_rising_eigenvalue_stops_and_goes_back_by_the_window() -> None:
    # window 2: means 1, 1, 1, then (1 + 1.6) / 2 = 1.3: 1 / 1.3 = 0.77, then 1.8: 1 / 1.8 < 0.75
    rule = EigenvalueRule(window=2)
    assert answers(rule, [1.0, 1.0, 1.0, 1.6, 2.0]) == [None, None, None, None, 2]


def test_a_negative_eigenvalue_that_rises_below_zero_stops_nothing() -> None:
    assert answers(EigenvalueRule(window=1), [-4.0, -3.0, -1.0]) == [None] * 3


def test_too_many_skips_stop_at_the_logits_before_them() -> None:
    rule = SkipRule(share=0.5)
    assert rule(check(CONV, POOL, SKIP, CONV)) is None
    assert rule(check(CONV, SKIP, SKIP, CONV)) == 1


def test_the_first_check_has_none_before_it() -> None:
    assert SkipRule(share=0.5)(check(SKIP, SKIP)) == 0


def test_stable_rankings_stop_a_search() -> None:
    rule = SkipRule(patience=2)
    changed = [rule(check(CONV, p)) for p in (POOL, CONV, POOL, POOL, POOL)]
    assert changed == [None, None, None, None, 0]


def test_decisions_that_offer_no_skip_do_not_count() -> None:
    inputs = {"inputs": (0.0, 1.0), "edge": CONV}
    found = Check(inputs, {"inputs": ("0+1", "0+2"), "edge": OPTIONS}, math.nan)
    assert SkipRule(share=0.9)(found) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EigenvalueRule(window=0), "window"),
        (lambda: EigenvalueRule(factor=1.5), "factor"),
        (lambda: SkipRule(share=1.0), "share"),
        (lambda: SkipRule(patience=0), "patience"),
    ],
)
def test_settings_out_of_range_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        make()
