"""Scores of networks with shared weights."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import bonas
from bonas.errors import InvalidArgument, InvalidSpace
from bonas.evaluation import ShortTraining
from bonas.supernets import Supernet
from bonas.supernets.training.inherited import drawn_networks
from bonas.supernets.training.scoring import BATCHES, Scoring
from tests.trained_supernets import IRIS, ON_IRIS

_X = np.random.default_rng(0).normal(size=(700, 3, 4, 4)).astype("float32")
_Y = (_X.mean((1, 2, 3)) > 0).astype(int)
_SPACE = bonas.spaces.NASBench201(channels=4, cells=1, classes=2)
_ONE = dict.fromkeys(_SPACE.parameters, "nor_conv_3x3")


def supernet(**settings: Any) -> Supernet:
    usual = {"batch_size": 8, "device": "cpu", "validation": 0.75, "test": 0.0}
    return Supernet(_SPACE, ShortTraining((_X, _Y), **{**usual, **settings}))


def rows(of: Supernet, part: str) -> Any:
    assert of.training is not None
    return getattr(of.training.splits, part).tensors


def test_the_score_is_minus_the_mean_validation_loss_of_the_recalibrated_network() -> None:
    """The 525 validation rows are read in two batches of different sizes."""
    scored = supernet()
    network = scored.recalibrated(scored.extract(_ONE))
    x, y = rows(scored, "validation")
    assert len(x) == 525
    with torch.no_grad():
        outputs = network(x)
    loss = float(cross_entropy(outputs, y, label_smoothing=0.1))
    assert scored.score(_ONE) == pytest.approx(-loss, rel=1e-5)
    (found,) = scored.scores([_ONE], progress=False)
    assert found.metrics == {
        "accuracy": pytest.approx(100 * float((outputs.argmax(1) == y).float().mean()))
    }


def test_class_weights_count_in_the_mean() -> None:
    scored = supernet(class_weights="balanced")
    network = scored.recalibrated(scored.extract(_ONE))
    x, y = rows(scored, "validation")
    counts = torch.as_tensor(scored.training.splits.counts)  # type: ignore[union-attr]  # it has one
    weight = counts.sum() / (2 * counts)
    with torch.no_grad():
        loss = cross_entropy(network(x), y, weight=weight, label_smoothing=0.1)
    assert scored.score(_ONE) == pytest.approx(-float(loss), rel=1e-5)


def test_statistics_are_those_of_six_training_batches() -> None:
    scored = supernet()
    scored.score(_ONE)
    scoring = scored.state.scoring
    assert scoring is not None
    assert len(scoring.batches) == BATCHES == 6
    network = scored.recalibrated(scored.extract(_ONE))
    first = network.stem[0]  # type: ignore[index]  # a Sequential
    norm = network.stem[1]  # type: ignore[index]  # a Sequential
    with torch.no_grad():
        read = [first(x) for x, _ in scoring.batches]
    mean = torch.stack([x.mean((0, 2, 3)) for x in read]).mean(0)
    variance = torch.stack([x.var((0, 2, 3)) for x in read]).mean(0)
    assert torch.allclose(norm.running_mean, mean, atol=1e-6)
    assert torch.allclose(norm.running_var, variance, atol=1e-6)
    trained = {tuple(x.flatten()[:5].tolist()) for x in rows(scored, "train")[0]}
    assert all(
        tuple(x.flatten()[:5].tolist()) in trained for batch, _ in scoring.batches for x in batch
    )


def test_a_score_is_computed_without_augmentation_and_draws_nothing() -> None:
    def augment(x: Tensor) -> Tensor:
        raise AssertionError

    before = torch.get_rng_state()
    value = supernet(augment=augment).score(_ONE)
    assert value == supernet().score(_ONE)
    assert torch.equal(torch.get_rng_state(), before)


def test_scores_do_not_depend_on_their_order_or_on_the_settings_of_the_program() -> None:
    other = {**_ONE, "edge_0_1": "nor_conv_1x1"}
    one = [supernet().scores(order, progress=False) for order in ([_ONE, other], [other, _ONE])]
    assert one[0] == one[1][::-1]
    with torch.inference_mode():
        assert supernet().score(_ONE) == one[0][0].value


def test_training_makes_old_scores_unknown() -> None:
    scored = supernet()
    before = scored.score(_ONE)
    scored.fit(30, progress=False)
    assert scored.score(_ONE) > before


def test_drawn_networks_are_distinct_and_more_of_them_begin_with_fewer() -> None:
    few, many = (drawn_networks(_SPACE, n, 0) for n in (5, 20))
    assert many[:5] == few
    assert len({_SPACE.architecture(choices) for choices in many}) == 20
    assert all(_SPACE.allows(choices) for choices in many)
    assert drawn_networks(_SPACE, 5, 1) != few


def test_a_small_space_has_all_its_networks_scored() -> None:
    space = bonas.spaces.MLPSpace(
        4,
        2,
        depths=(1, 2),
        widths=(4, 8),
        activations=("relu",),
        norms=("none",),
        residual=(False,),
    )
    assert len(drawn_networks(space, 100, 0)) == 6  # of one layer 2, of two layers 4


def test_scores_that_a_checkpoint_holds_are_not_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "supernet.pt"
    first = supernet()
    first.fit(10, checkpoint=path, progress=False)
    known = first.scores(3, checkpoint=path, progress=False)
    again = supernet()
    again.fit(10, checkpoint=path, progress=False)

    def fails(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Scoring, "score", fails)
    assert again.scores(3, checkpoint=path, progress=False) == known


def test_an_interruption_keeps_the_scores_before_it(tmp_path: Path) -> None:
    path = tmp_path / "supernet.pt"
    scored = supernet()

    def networks() -> Any:
        yield _ONE
        yield {"edge_0_1": "unknown"}

    with pytest.raises(InvalidSpace):
        scored.scores(networks(), checkpoint=path, progress=False)
    loaded = Supernet.load(path, _SPACE, scored.training)
    assert list(loaded.state.scores.values()) == list(scored.state.scores.values())
    assert len(loaded.state.scores) == 1


def test_a_loss_that_is_not_finite_has_no_score() -> None:
    scored = supernet()
    scored.cover(_ONE)
    with torch.no_grad():
        for weight in scored.store.parameters():
            weight.fill_(math.inf)
    (found,) = scored.scores([_ONE], progress=False)
    assert math.isnan(found.value)
    assert found.metrics == {}


def test_a_loss_of_the_users_own_is_averaged_over_rows() -> None:
    scored = supernet(loss=nn.CrossEntropyLoss())
    network = scored.recalibrated(scored.extract(_ONE))
    x, y = rows(scored, "validation")
    with torch.no_grad():
        loss = float(cross_entropy(network(x), y))
    assert scored.score(_ONE) == pytest.approx(-loss, rel=1e-5)


def test_a_regression_is_scored_in_the_units_of_its_loss() -> None:
    space = bonas.spaces.NASBench201(channels=4, cells=1, classes=1)
    scored = Supernet(space, ShortTraining((_X, 100 * _X.mean((1, 2, 3))), device="cpu"))
    (found,) = scored.scores(1, progress=False)
    assert -10 < found.value < -0.1  # of standardised targets
    assert found.metrics["rmse"] > 5  # of those that were given


def test_a_supernet_can_be_sent_to_another_process() -> None:
    scored = supernet()
    value = scored.score(_ONE)
    sent = pickle.loads(pickle.dumps(scored))
    assert sent.score(_ONE) == value
    sent.state.changed()
    assert sent.score(_ONE) == value


def test_numbers_of_networks_are_checked() -> None:
    with pytest.raises(InvalidArgument, match="of must be a whole number of at least 1"):
        supernet().scores(0, progress=False)


def test_scores_do_not_depend_on_the_order_of_requests() -> None:
    """Training reaches the narrow networks only, so that the wide ones have parts of their own."""
    narrow = [choices for choices in IRIS if all(w != 64 for w in choices.values())]
    wide = [choices for choices in IRIS if choices not in narrow][::7]
    made = []
    for order in (wide, wide[::-1]):
        of = Supernet(IRIS, ON_IRIS)
        for choices in narrow[:4]:
            of.cover(choices)
        of.store.mark()
        of.network(order[0])
        made.append({str(choices): of.score(choices) for choices in order})
        assert of.recalibrated(of.extract(wide[0])) is not None
    assert made[0] == made[1]
    assert len(set(made[0].values())) > 1


def test_scores_of_a_supernet_without_a_training_do_not_depend_on_their_order_either() -> None:
    orders = list(IRIS)[::9], list(IRIS)[::-9]
    some = [each for each in orders[0] if each in orders[1]]
    made = []
    for order in (some, some[::-1]):
        of = Supernet(IRIS, ON_IRIS)
        made.append({str(choices): of.score(choices) for choices in order})
    assert made[0] == made[1]


def test_a_score_of_what_was_not_trained_is_that_of_the_extracted_network() -> None:
    scored = supernet()
    scored.cover(dict.fromkeys(_SPACE.parameters, "nor_conv_1x1"))
    scored.store.mark()
    before = scored.score(_ONE)
    held = len(scored.store)
    network = scored.recalibrated(scored.extract(_ONE))
    x, y = rows(scored, "validation")
    with torch.no_grad():
        loss = float(cross_entropy(network(x), y, label_smoothing=0.1))
    assert before == pytest.approx(-loss, rel=1e-5)
    assert len(scored.store) == held


def test_weights_that_are_trained_elsewhere_are_scored_anew() -> None:
    scored = supernet()
    before = scored.score(_ONE)
    with torch.no_grad():
        for weight in scored.store.parameters():
            weight.data.mul_(1.5)  # as a fused optimizer, which no version counter sees
    assert scored.score(_ONE) != before
