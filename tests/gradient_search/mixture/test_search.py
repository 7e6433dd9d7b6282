from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bonas.errors import InvalidArgument, NotFinite
from bonas.evaluation import ShortTraining
from bonas.gradient_search.mixture.alternation import Alternation, Descent
from bonas.gradient_search.mixture.mixture import Mixture
from bonas.gradient_search.mixture.search import Descended, search_by_mixture
from bonas.gradient_search.stopping import Check
from bonas.spaces import CellSpace, DARTSSpace, MLPSpace

SPACE = CellSpace(3, ("skip_connect", "nor_conv_3x3"), 3, 1, 1, 2, 1, 4)


def rows() -> tuple[Any, Any]:
    """Images whose label is the sign of a mean of products of neighbours."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 1, 4, 4)).astype("float32")
    return x, ((x[..., 1:] * x[..., :-1]).mean((1, 2, 3)) > 0).astype(int)


TRAINING = ShortTraining(rows(), batch_size=16, test=0.0)


@pytest.mark.parametrize("order", [1, 2])
def test_a_descent_lowers_the_loss_and_moves_each_logit(order: int) -> None:
    found = search_by_mixture(SPACE, TRAINING, steps=40, descent=Descent(order, 0.01))
    assert (found.steps, len(found.losses), found.stopped, found.selected) == (40, 40, None, None)
    assert np.mean(found.losses[-5:]) < np.mean(found.losses[:5])
    start = Mixture.of(SPACE)
    for name, logits in found.logits.items():
        assert not np.allclose(logits, start.decision(name).logits.detach(), atol=0.01)


def test_a_seed_decides_a_descent_and_the_orders_differ() -> None:
    def logits(seed: int, order: int = 1) -> Any:
        return search_by_mixture(SPACE, TRAINING, steps=6, seed=seed, descent=Descent(order)).logits

    before = torch.get_rng_state()
    assert logits(1) == logits(1)
    assert logits(1) != logits(2)
    assert logits(1) != logits(1, order=2)
    assert torch.equal(torch.get_rng_state(), before)


def test_only_training_rows_are_read() -> None:
    x, y = rows()
    training = ShortTraining((x, y), batch_size=16, test=0.0)
    held = training.splits.validation.tensors  # type: ignore[union-attr]  # rows in memory
    held[0].fill_(float("nan"))
    with pytest.raises(Exception, match="finite"):
        search_by_mixture(SPACE, training, steps=2)  # a network is tried on two of them, first
    held[0][2:].fill_(float("nan"))
    held[0][:2].zero_()
    assert np.isfinite(search_by_mixture(SPACE, training, steps=8).losses).all()


def test_time_ends_a_descent() -> None:
    found = search_by_mixture(SPACE, TRAINING, steps=10**9, seconds=0.5)
    assert 0 < found.steps < 10**9


def test_without_a_length_the_rows_are_read_fifty_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Alternation, "step", lambda *_: torch.zeros(()))
    assert search_by_mixture(SPACE, TRAINING).steps == 50 * 3  # 48 rows in batches of 16


class GoBack:
    """A rule that stops at the third check and goes back to the first."""

    needs_eigenvalue = True

    def __init__(self) -> None:
        self.checks: list[Check] = []

    def __call__(self, check: Check) -> int | None:
        self.checks.append(check)
        return 2 if len(self.checks) == 3 else None


def test_a_rule_stops_a_descent_and_decides_which_logits_count() -> None:
    rule = GoBack()
    found = search_by_mixture(SPACE, TRAINING, steps=50, stop=rule)
    assert found.stopped == "GoBack"
    assert found.steps == 6  # two steps between checks
    assert found.logits == dict(rule.checks[0].logits)
    assert found.logits != dict(rule.checks[2].logits)
    assert found.eigenvalues == tuple(check.eigenvalue for check in rule.checks)
    assert np.isfinite(found.eigenvalues).all()


@pytest.mark.parametrize("stop", ["eigenvalue", "skips"])
def test_rules_have_names(stop: str) -> None:
    found = search_by_mixture(SPACE, TRAINING, steps=25, stop=stop)
    assert found.stopped in (None, stop)
    assert bool(found.eigenvalues) == (stop == "eigenvalue")


def test_perturbation_selects_choices_of_the_space() -> None:
    found = search_by_mixture(SPACE, TRAINING, steps=10, select="perturbation")
    assert found.selected is not None
    assert SPACE.checked(found.selected) == found.selected


def test_a_policy_has_the_logits_but_none_is_never_likelier_than_the_others() -> None:
    options = ("none", "skip_connect", "nor_conv_3x3")
    space = CellSpace(3, options, 3, 1, 1, 2, 1, 4)
    logits = {"edge_0_1": (3.0, -1.0, 2.0), "edge_0_2": (-5.0, 0.5, 0.0), "edge_1_2": (0.0,) * 3}
    policy = Descended(space, logits, None, 1, None, (), (), 0.0).policy()
    found = {name: own.tolist() for name, own in policy.logits.items()}
    assert found["edge_0_1"] == [-1.0, -1.0, 2.0]
    assert found["edge_0_2"] == [0.0, 0.5, 0.0]
    assert policy.mode()["edge_0_1"] == "nor_conv_3x3"


def test_cells_of_darts_are_searched_with_their_inputs() -> None:
    space = DARTSSpace(
        2,
        operations=("none", "skip_connect", "sep_conv_3x3"),
        channels=2,
        cells=3,
        classes=2,
        in_channels=1,
        image_size=4,
    )
    found = search_by_mixture(space, TRAINING, steps=3, select="perturbation")
    assert set(found.logits) == set(space.parameters)
    assert space.allows(found.policy().mode())
    assert found.selected is not None
    assert space.checked(found.selected) == found.selected


def test_mixed_precision_descends() -> None:
    training = replace(TRAINING, precision="bf16")
    found = search_by_mixture(SPACE, training, steps=4, descent=Descent(2), stop="eigenvalue")
    assert np.isfinite(found.losses).all()


def test_a_descent_that_diverges_says_so() -> None:
    wild = ShortTraining(rows(), batch_size=16, test=0.0, learning_rate=900.0, optimizer="sgd")
    with pytest.raises(NotFinite, match="lower the learning rate"):
        search_by_mixture(SPACE, wild, steps=200)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stop": "soon"}, "unknown stopping rule 'soon'"),
        ({"stop": GoBack}, "expected a stopping rule"),
        ({"select": "best"}, "unknown selection 'best'"),
        ({"steps": 0}, "steps must be a whole number"),
        ({"seconds": 0.0}, "seconds must be a positive number"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        search_by_mixture(SPACE, TRAINING, **settings)


def test_other_spaces_and_orders_are_refused() -> None:
    with pytest.raises(InvalidArgument, match='search by method="enas"'):
        search_by_mixture(MLPSpace(16, 2), TRAINING)
    with pytest.raises(InvalidArgument, match="expected the order 1 or 2, got 3"):
        Descent(order=3)
    with pytest.raises(InvalidArgument, match="learning_rate"):
        Descent(learning_rate=0.0)
