"""A builder that changed between two calls is noticed, and its study refused or forked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from optuna import Study
from torch import nn

import bonas
from bonas.errors import InvalidSpace, StudyMismatch
from bonas.evaluation import Candidate
from bonas.spaces import MLPSpace
from bonas.studies.lineage import networks
from bonas.studies.records import NETWORK


def family(activation: Callable[[], nn.Module], wide: Callable[[], nn.Module] = nn.ReLU) -> Any:
    """Return a space of the same choices, with other activations for narrow or wide networks."""

    def perceptron(choose: Any) -> nn.Module:
        width = choose("width", [2, 4, 6, 8])
        layers = [nn.Linear(4, width), wide() if width > 4 else activation()]
        return nn.Sequential(*layers, nn.Linear(width, 2))

    return bonas.space(perceptron, input=torch.zeros(1, 4))


def search(space: bonas.Space, budget: int, storage: str, **more: Any) -> bonas.SearchResult:
    """Return the result of a random search."""
    return bonas.optimize(
        space,
        budget,
        evaluate=evaluate,
        objectives={"accuracy": "maximize"},
        surrogate="random",
        storage=storage,
        seed=0,
        progress=False,
        **more,
    )


def evaluate(candidate: Candidate) -> dict[str, float]:
    return {"accuracy": float(candidate.number)}


@pytest.fixture
def storage(tmp_path: Path) -> str:
    return str(tmp_path / "s.log")


def test_the_same_builder_goes_on(storage: str) -> None:
    search(family(nn.ReLU), 2, storage)
    found = search(family(nn.ReLU), 4, storage)
    assert (found.study.study_name, len(found.candidates)) == ("bonas", 4)


def test_another_builder_is_refused_with_the_trial_that_shows_it(storage: str) -> None:
    search(family(nn.ReLU), 3, storage)
    with pytest.raises(
        StudyMismatch, match=r"of trial \d.* choices \{'width': \d\} .* on_mismatch=\"fork\""
    ):
        search(family(nn.GELU), 4, storage)


def test_a_fork_has_the_trials_whose_networks_are_the_same(storage: str) -> None:
    search(family(nn.ReLU), 4, storage)
    for _ in range(2):  # it is found again
        fork = search(family(nn.ReLU, wide=nn.GELU), 4, storage, on_mismatch="fork")
        assert fork.study.study_name == "bonas-2"
        copied = [t for t in fork.study.trials if "bonas:copied" in t.user_attrs]
        assert sorted(trial.params["width"] for trial in copied) == [2, 4]
        assert len(fork.candidates) == 4
    third = search(family(nn.Tanh, wide=nn.Tanh), 4, storage, on_mismatch="fork")
    assert third.study.study_name == "bonas-3"
    assert search(family(nn.ReLU), 4, storage, on_mismatch="fork").study.study_name == "bonas"


def _changed(study: Study, space: bonas.Space) -> int:
    return len(networks.changed_trials(study.trials, space))


def test_what_another_version_has_traced_is_not_compared(
    storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version of bonas or torch may trace the same network to another graph."""
    study = search(family(nn.ReLU), 3, storage).study
    assert _changed(study, family(nn.GELU, wide=nn.GELU)) == 3
    monkeypatch.setattr(networks, "_tracer_version", lambda: "another")
    assert _changed(study, family(nn.GELU, wide=nn.GELU)) == 0


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"hash": 3}', 5, None])
def test_what_another_program_wrote_is_not_compared(storage: str, text: Any) -> None:
    study = search(family(nn.ReLU), 1, storage).study
    for trial in study.trials:
        trial.system_attrs[NETWORK.key] = text
        assert networks.changed_trials([trial], family(nn.GELU, wide=nn.GELU)) == []


def test_the_first_changed_trial_is_named_with_the_number_of_others(storage: str) -> None:
    study = search(family(nn.ReLU), 4, storage).study
    assert networks.network_changes(study, family(nn.ReLU)) is None
    assert networks.network_changes(study, None) is None
    said = networks.network_changes(study, family(nn.GELU, wide=nn.GELU))
    assert said is not None
    assert said.startswith("what builds the networks has changed: of trial 0 and 3 other(s)")
    assert str(study.trials[0].params) in said


def test_choices_that_the_builder_no_longer_offers_stand_for_no_other_network(
    storage: str,
) -> None:
    def narrower(choose: Any) -> nn.Module:
        width = choose("width", [100, 200])
        return nn.Sequential(nn.Linear(4, width), nn.GELU(), nn.Linear(width, 2))

    study = search(family(nn.ReLU), 2, storage).study
    other = bonas.space(narrower, input=torch.zeros(1, 4))
    assert all(networks.has_same_network(trial, other) for trial in study.trials)
    bare = study.trials[0]
    bare.system_attrs.clear()
    assert not networks.has_same_network(bare, other)
    assert not networks.has_same_network(bare, family(nn.ReLU))


def test_choices_that_cannot_be_built_now_stand_for_another_network(storage: str) -> None:
    study = search(family(nn.ReLU), 2, storage).study
    other = family(nn.ReLU)
    trial = study.trials[0]

    class Refusing(type(other)):  # type: ignore[misc]  # of the class of the space
        def architecture(self, choices: Any) -> Any:
            raise InvalidSpace("does not build")

    other.__class__ = Refusing
    assert not networks.has_same_network(trial, other)


def test_only_the_latest_networks_are_traced_again_and_for_a_limited_time(
    storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, other = search(family(nn.ReLU), 4, storage).study, family(nn.GELU, wide=nn.GELU)
    monkeypatch.setattr(networks, "_AT_MOST", 2)
    assert [trial.number for trial in networks.changed_trials(study.trials, other)] == [2, 3]
    monkeypatch.setattr(networks, "_SECONDS", -1.0)
    assert networks.changed_trials(study.trials, other) == []


def test_networks_of_our_own_spaces_are_not_recorded(storage: str) -> None:
    """They follow from the settings, which the study's description holds."""
    space = MLPSpace(inputs=4, classes=3, depths=(1,), widths=(8, 16))
    study = search(space, 2, storage).study
    assert not any(NETWORK.is_in(trial) for trial in study.trials)
