"""Facts about the parents of a candidate."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from torch import nn

from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate, Lineage, Objective, keep_weights
from bonas.evaluation.candidate import INDEX
from bonas.evaluation.inheritance import parents
from bonas.evaluation.inheritance.parents import parent_of
from bonas.evaluation.inheritance.start import FRESH, start_from_parent
from bonas.evaluation.weights import WEIGHTS
from bonas.spaces import Choices, Space

TRAINING = {"epochs": 4, "data": "digits"}
GOAL = Objective("accuracy", "maximize")


class Perceptrons(Space):
    """Two hidden layers with an activation each, on rows of four."""

    parameters = {  # noqa: RUF012 - never changed, short to read
        "first": ["relu", "tanh", "sigmoid"],
        "second": ["relu", "tanh", "sigmoid"],
        "width": [4, 6],
    }
    input = torch.zeros(1, 4)

    def build(self, choices: Choices) -> nn.Module:
        acts = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
        width = int(choices["width"])  # type: ignore[arg-type]  # a number
        first, second = (acts[str(choices[name])]() for name in ("first", "second"))
        return nn.Sequential(
            nn.Linear(4, width), first, nn.Linear(width, 4), second, nn.Linear(4, 2)
        )


SPACE = Perceptrons()


@pytest.fixture(autouse=True)
def _nothing_was_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parents, "_warned", set())


def study() -> optuna.Study:
    made = optuna.create_study(directions=["minimize", "maximize"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        made.set_metric_names(["seconds", "accuracy"])
    return made


def asked(of: optuna.Study, first: str, second: str, width: int = 4) -> Candidate:
    """Return the candidate of a running trial."""
    of.enqueue_trial({"first": first, "second": second, "width": width})
    trial = of.ask(dict(SPACE.distributions))
    return Candidate.of(SPACE, trial)


def finished(
    of: optuna.Study,
    first: str,
    second: str,
    folder: Path,
    accuracy: float = 50.0,
    training: dict[str, Any] | None = None,
) -> int:
    """Train and store a network; return the number of its trial."""
    one = asked(of, first, second)
    FRESH.store(one.trial, training or TRAINING)
    keep_weights(one, one.build(), folder)
    of.tell(one.trial, [1.0, accuracy])
    return one.trial.number


def nearest(one: Candidate) -> int | None:
    found = parent_of(one, TRAINING, GOAL)
    return None if found is None else found.trial.number


def test_the_nearest_architecture_is_the_parent(tmp_path: Path) -> None:
    made = study()
    finished(made, "tanh", "tanh", tmp_path, accuracy=90.0)
    near = finished(made, "relu", "relu", tmp_path)
    assert nearest(asked(made, "relu", "relu", 6)) == near


def test_equally_near_ones_are_ranked_by_the_value_and_then_by_age(tmp_path: Path) -> None:
    made = study()
    numbers = [finished(made, "relu", "relu", tmp_path, accuracy=x) for x in (60.0, 80.0, 80.0)]
    assert nearest(asked(made, "relu", "tanh")) == numbers[1]


def test_without_finished_trials_of_the_training_there_is_no_parent(tmp_path: Path) -> None:
    made = study()
    assert nearest(asked(made, "relu", "relu")) is None
    running = asked(made, "relu", "relu")
    FRESH.store(running.trial, TRAINING)
    keep_weights(running, running.build(), tmp_path)
    other = asked(made, "relu", "relu")
    keep_weights(other, other.build(), tmp_path)  # by another evaluation
    made.tell(other.trial, [1.0, 1.0])
    assert nearest(asked(made, "relu", "relu")) is None


def test_a_trial_without_a_study_has_no_parent() -> None:
    trial = optuna.trial.create_trial(
        params={"first": "relu", "second": "relu", "width": 4},
        distributions=dict(SPACE.distributions),
        values=[1.0],
    )
    assert parent_of(Candidate.of(SPACE, trial), TRAINING, GOAL) is None


def test_weights_of_another_training_are_refused(tmp_path: Path) -> None:
    made = study()
    finished(made, "relu", "relu", tmp_path, training={**TRAINING, "data": "other"})
    with pytest.raises(InvalidArgument, match=r"trial 0 \(data was 'other', now 'digits'\); give"):
        nearest(asked(made, "relu", "relu"))


def test_lost_files_are_warned_of_once_and_the_next_is_taken(tmp_path: Path) -> None:
    made = study()
    far = finished(made, "tanh", "tanh", tmp_path / "here")
    near = finished(made, "relu", "relu", tmp_path / "other")
    Path(made.trials[near].user_attrs[WEIGHTS]).unlink()
    one = asked(made, "relu", "relu")
    with pytest.warns(UserWarning, match=r"the weights of trials \[1\] in .*other, got none that"):
        assert nearest(one) == far
    assert nearest(one) == far  # without a warning, which would be an error


def test_a_broken_file_leaves_a_fresh_start(tmp_path: Path) -> None:
    made = study()
    number = finished(made, "relu", "relu", tmp_path)
    Path(made.trials[number].user_attrs[WEIGHTS]).write_bytes(b"half")
    one = asked(made, "relu", "relu")
    network = one.build()
    before = network[0].weight.detach().clone()
    with pytest.warns(UserWarning, match="got none that can be read"):
        found = started(one, network)
    assert found.how == "fresh"
    assert torch.equal(network[0].weight, before)


def started(one: Candidate, network: nn.Module) -> Lineage:
    example = SPACE.example
    assert example is not None
    seed = np.random.SeedSequence(1)
    return start_from_parent(one, network, example.resized(3), TRAINING, GOAL, seed)


def test_the_lineage_is_stored_before_the_training(tmp_path: Path) -> None:
    made = study()
    number = finished(made, "relu", "relu", tmp_path)
    one = asked(made, "relu", "relu", 6)
    started(one, one.build())
    stored = Lineage.of(made.trials[one.trial.number])
    assert stored is not None
    assert (stored.parent, stored.how, stored.share) == (number, "net2net", 1.0)
    assert one.lineage == stored


def test_a_proposal_that_is_evaluated_again_has_its_parent_again(tmp_path: Path) -> None:
    made = study()
    number = finished(made, "tanh", "tanh", tmp_path)
    cut_off = asked(made, "relu", "relu")
    started(cut_off, cut_off.build())
    made.tell(cut_off.trial, state=optuna.trial.TrialState.FAIL)
    finished(made, "relu", "relu", tmp_path)  # nearer, but later
    again = asked(made, "relu", "relu")
    again.trial.set_user_attr(INDEX, cut_off.trial.number)
    assert nearest(again) == number
    assert nearest(asked(made, "relu", "relu")) == 2


def test_a_fresh_start_is_repeated_too(tmp_path: Path) -> None:
    made = study()
    cut_off = asked(made, "relu", "relu")
    assert started(cut_off, cut_off.build()).parent is None
    made.tell(cut_off.trial, state=optuna.trial.TrialState.FAIL)
    finished(made, "relu", "relu", tmp_path)
    again = asked(made, "relu", "relu")
    again.trial.set_user_attr(INDEX, cut_off.trial.number)
    assert nearest(again) is None
