from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from candidates import candidate, candidate_of
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial
from torch import nn

import bonas
from bonas.deploy.retraining import retrain, training_in
from bonas.errors import EvaluationFailed, InvalidArgument
from bonas.evaluation import Candidate, Latency, ShortTraining, Stages
from bonas.evaluation.data.sealed import opened

Y = np.arange(100) % 2
X = np.random.default_rng(0).normal(size=(100, 4)) + Y[:, None]
PAIR = (X, Y)


def linear() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.1), nn.Linear(8, 2))


def weights(network: nn.Module) -> list[float]:
    return torch.cat([w.flatten() for w in network.parameters()]).tolist()


def test_the_settings_of_the_search_give_the_network_of_the_search(tmp_path: Any) -> None:
    training = ShortTraining(PAIR, epochs=3, keep_weights=tmp_path, validate_every=1)
    searched = bonas.optimize(
        bonas.spaces.MLPSpace(inputs=4, classes=2, depths=(1,), widths=(4, 8)),
        2,
        evaluate=training,
        surrogate="random",
        progress=False,
        seed=0,
    )
    for found in searched.candidates:
        made = retrain(found, training, epochs=3, rows="train")
        assert weights(made.network) == weights(found.trained())
        assert made.scores(training.splits.validation) == found.values
        assert list(made.curves["train_loss"]) == list(found.curve("train_loss").values)


def test_other_epochs_seeds_and_rows_give_another_network() -> None:
    training = ShortTraining(PAIR, epochs=2)
    one: list[dict[str, Any]] = [
        {"rows": "train", "epochs": 2},
        {"rows": "train", "epochs": 3},
        {"rows": "train", "epochs": 2, "seed": 1},
        {"rows": "all", "epochs": 2},
    ]
    networks = [tuple(weights(retrain(candidate(linear), training, **s).network)) for s in one]
    assert len({*networks}) == 4
    assert networks[0] == tuple(weights(retrain(candidate(linear), training, **one[0]).network))


def test_the_full_schedule_is_ten_times_as_long_and_on_all_rows_but_those_of_the_test() -> None:
    made = retrain(candidate(linear), ShortTraining(PAIR, epochs=1))
    assert len(made.curves["train_loss"]) == 10
    assert not made.network.training
    train, test = made.training.splits.train, made.training.splits.test
    assert test is not None
    rows = np.concatenate([train[:][0], opened(test)[:][0]])  # type: ignore[index]
    assert len(train) == 80
    np.testing.assert_allclose(np.sort(rows, axis=0), np.sort(X, axis=0).astype(np.float32))


def test_what_decides_the_metric_row_by_row_gives_the_metric() -> None:
    made = retrain(candidate(linear), ShortTraining(PAIR, epochs=1))
    rows = made.row_scores(made.training.splits.train)
    assert rows is not None
    assert len(rows) == 80
    assert {"accuracy": rows.score()} == made.scores(made.training.splits.train)
    right = int((rows.kept == rows.targets)[:7].sum())
    assert rows.score(torch.arange(7)) == 100 * right / 7


def test_a_candidate_may_have_a_training_of_its_own() -> None:
    trial = create_trial(
        state=TrialState.COMPLETE,
        value=1.0,
        params={"rate": 0.5},
        distributions={"rate": FloatDistribution(0, 1)},
    )
    found = Candidate(candidate(linear).space, {"which": "this"}, trial)
    made = retrain(
        found, lambda c: ShortTraining(PAIR, learning_rate=c.trial.suggest_float("rate", 0, 1))
    )
    assert made.training.learning_rate == 0.5


def test_functions_of_the_user_are_used_again() -> None:
    def score(network: nn.Module, batches: Any) -> dict[str, float]:
        right = [float((network(x).argmax(1) == y).float().mean()) for x, y in batches]
        return {"right": float(np.mean(right)), "other": 1.0}

    def step(network: nn.Module, batch: Any) -> torch.Tensor:
        return nn.functional.cross_entropy(network(batch[0]), batch[1])

    training = ShortTraining(PAIR, step=step, score=score, direction={"right": "maximize"})
    made = retrain(candidate(linear), training, epochs=80)
    assert made.scores(made.training.splits.validation)["right"] > 0.6
    assert list(made.scores(made.training.splits.validation)) == ["right"]
    assert made.row_scores(made.training.splits.validation) is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ({"rows": "test"}, "unknown rows 'test'; expected one of 'all', 'train'"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        retrain(candidate(linear), ShortTraining(PAIR), **settings)


def test_a_training_of_another_kind_is_refused_with_advice() -> None:
    with pytest.raises(InvalidArgument, match=r"expected training to be a ShortTraining.* step, "):
        retrain(candidate(linear), lambda _: "no")  # type: ignore[arg-type,return-value]


def test_a_training_that_diverges_fails() -> None:
    training = ShortTraining(PAIR, optimizer="sgd", learning_rate=900.0)
    space = bonas.spaces.MLPSpace(inputs=4, classes=2, depths=(3,), widths=(8,))
    found = candidate_of(space, space.sample(np.random.default_rng(0)))
    with pytest.raises(EvaluationFailed, match="lower the learning rate"):
        retrain(found, training).scores(training.splits.validation)


def test_the_training_of_a_search_is_found() -> None:
    training = ShortTraining(PAIR)
    parts = [training, Latency((4,))]
    assert training_in(training) is training_in(parts) is training_in(Stages(parts)) is training
    assert training_in(None) is training_in(lambda _: {"a": 1.0}) is None
    with pytest.raises(InvalidArgument, match="expected one training among the evaluators, got 2"):
        training_in([training, ShortTraining(PAIR)])
