from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bonas.errors import InvalidArgument, NotFinite
from bonas.evaluation import ShortTraining
from bonas.gradient_search.paths.search import METHODS, _Descending, search_by_paths
from bonas.gradient_search.paths.shared_weights import own_supernet
from bonas.spaces import CellSpace, DARTSSpace
from bonas.supernets import Supernet

SPACE = CellSpace(3, ("none", "skip_connect", "nor_conv_3x3"), 3, 1, 1, 2, 1, 4)


def rows() -> tuple[Any, Any]:
    """Images whose label is the sign of a mean of products of neighbours."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 1, 4, 4)).astype("float32")
    return x, ((x[..., 1:] * x[..., :-1]).mean((1, 2, 3)) > 0).astype(int)


TRAINING = ShortTraining(rows(), batch_size=16, test=0.0)
EACH = pytest.mark.parametrize("method", METHODS)


@EACH
def test_a_search_trains_the_weights_and_moves_the_logits(method: str) -> None:
    space = CellSpace(3, ("skip_connect", "nor_conv_3x3"), 3, 1, 1, 2, 1, 4)
    found = search_by_paths(space, TRAINING, method, steps=60, learning_rate=0.02)
    assert (found.steps, len(found.losses), found.stopped) == (60, 60, None)
    assert np.mean(found.losses[-10:]) < np.mean(found.losses[:10])
    for own in found.policy.logits.values():
        assert own.abs().max() > 0.02
        assert not own.grad_fn


def test_in_the_warm_up_the_weights_learn_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    monkeypatch.setattr(_Descending, "_step_logits", lambda _, progress: seen.append(progress))
    monkeypatch.setitem(METHODS, "enas", replace(METHODS["enas"], warm_up=0.5))  # type: ignore[arg-type]  # a dict
    found = search_by_paths(SPACE, TRAINING, "enas", steps=8)
    assert seen == [0.5, 0.625, 0.75, 0.875]
    assert len(found.losses) == 8
    seen.clear()
    search_by_paths(SPACE, TRAINING, "enas", steps=2, initial=Supernet(SPACE, TRAINING))
    assert seen == [0.0, 0.5]


@EACH
def test_a_seed_decides_a_search_and_the_global_state_stays(method: str) -> None:
    def state(seed: int) -> Any:
        return search_by_paths(SPACE, TRAINING, method, steps=3, seed=seed).policy.state()

    before = torch.get_rng_state()
    assert state(1) == state(1)
    assert state(1) != state(2)
    assert torch.equal(torch.get_rng_state(), before)


@EACH
def test_only_training_rows_are_read(method: str) -> None:
    training = ShortTraining(rows(), batch_size=16, test=0.0)
    held = training.splits.validation.tensors  # type: ignore[union-attr]  # rows in memory
    held[0][2:].fill_(float("nan"))  # a network is tried on the first two, before
    assert np.isfinite(search_by_paths(SPACE, training, method, steps=8).losses).all()


def test_time_ends_a_search() -> None:
    found = search_by_paths(SPACE, TRAINING, "enas", seconds=0.5)
    assert found.steps > 0
    assert found.seconds > 0.5


def test_too_many_skips_stop_a_search() -> None:
    found = search_by_paths(SPACE, TRAINING, "gdas", steps=50, stop="skips", learning_rate=1e-9)
    assert found.stopped == "skips"  # the rankings are stable after ten checks, at the latest
    assert found.steps < 50


@pytest.mark.parametrize("method", ["gdas", "proxyless"])
def test_with_gates_none_is_the_least_likely_operation(method: str) -> None:
    found = search_by_paths(SPACE, TRAINING, method, steps=3, learning_rate=0.1)
    for own in found.policy.logits.values():
        assert own[0] == own.min()


def test_a_given_supernet_is_where_the_weights_begin_and_is_not_changed() -> None:
    initial = Supernet(SPACE, TRAINING, seed=5)
    initial.fit(6, progress=False)
    digest = initial.describe()
    own = own_supernet(SPACE, TRAINING, 0, initial)
    key = next(iter(initial.store))
    assert torch.equal(own.store[key], initial.store[key])
    first, other = (
        search_by_paths(SPACE, TRAINING, "enas", steps=2, initial=x) for x in (initial, None)
    )
    assert first.losses != other.losses
    assert initial.describe() == digest


def test_cells_of_darts_learn_their_inputs_by_gates_or_scores() -> None:
    space = DARTSSpace(
        2,
        operations=("none", "skip_connect", "sep_conv_3x3"),
        channels=2,
        cells=3,
        classes=2,
        in_channels=1,
        image_size=4,
    )
    for method in METHODS:
        found = search_by_paths(space, TRAINING, method, steps=4)
        assert all(own.abs().max() > 0 for own in found.policy.logits.values())
        assert space.allows(found.policy.mode())


@EACH
def test_mixed_precision_descends(method: str) -> None:
    training = replace(TRAINING, precision="bf16")
    assert np.isfinite(search_by_paths(SPACE, training, method, steps=4).losses).all()


@EACH
def test_a_search_that_diverges_says_so(method: str) -> None:
    wild = ShortTraining(rows(), batch_size=16, test=0.0, learning_rate=999.0, optimizer="sgd")
    with pytest.raises(NotFinite, match="lower the learning rate of the training"):
        search_by_paths(SPACE, wild, method, steps=400)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stop": "eigenvalue"}, "needs no eigenvalue for method='enas'.*stop=\"skips\""),
        ({"stop": "soon"}, "unknown stopping rule 'soon'"),
        ({"steps": 0}, "steps must be a whole number"),
        ({"seconds": 0.0}, "seconds must be a positive number"),
        ({"learning_rate": 0.0}, "learning_rate must be a positive number"),
        ({"seed": -1}, "seed must be"),
        ({"initial": "supernet.pt"}, "Supernet as initial, got 'supernet.pt'"),
        ({"initial": Supernet(CellSpace(3))}, "expected a supernet of the space"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        search_by_paths(SPACE, TRAINING, "enas", **{"steps": 1, **settings})
