"""What stopped trainings left: which values are read, and what a search makes of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.trial import FrozenTrial, TrialState
from torch import Tensor

from bonas.encoders import Layout
from bonas.evaluation import ACCURACY, LATENCY, Measurement, as_objectives
from bonas.evaluation.curve import packed
from bonas.evaluation.objective import Objective
from bonas.spaces import CellSpace
from bonas.studies import ArchitectureSampler
from bonas.studies.proposing.assembly import make_proposer
from bonas.studies.proposing.observations import Observations
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.partial_curves import Moment, PartialCurves, Passed, passed
from bonas.studies.proposing.point import Point
from bonas.studies.proposing.posterior import fit_posteriors
from bonas.studies.proposing.task import Task
from bonas.studies.study import open_study
from bonas.surrogates import CoregionalisedGP, GraphGP, fit_forest, fit_graph_gp
from bonas.surrogates.lower_fidelity import are_equal

TENTH, THIRD = ("fidelity", 0.1), ("fidelity", 0.3)
LOSS = Objective("loss", "minimize")


def _training(row: int | None, before: int, curves: Mapping[str, Mapping[Moment, float]]) -> Passed:
    return Passed(Point(None, {}), row, before, curves)


def _curves(
    trainings: Sequence[Passed], n: int, objectives: Sequence[Objective] = (ACCURACY,)
) -> PartialCurves:
    """Return them over ``n`` observations; encodings are 0, 1, ... and -1 without a row."""
    X = torch.arange(n, dtype=torch.float64).unsqueeze(1)
    found = PartialCurves.encoded(
        objectives, trainings, X, range(n), lambda some: -torch.ones(len(list(some)), 1).double()
    )
    assert found is not None
    return found


def _finished(row: int, **curves: Mapping[Moment, float]) -> Passed:
    return _training(row, row, curves)


def _stopped(before: int, **curves: Mapping[Moment, float]) -> Passed:
    return _training(None, before, curves)


def _measured(n: int) -> Tensor:
    return torch.ones(n, dtype=torch.bool)


def test_each_training_has_the_values_at_the_cuts_that_it_reached() -> None:
    found = _curves(
        [
            _finished(0, accuracy={TENTH: 30.0, THIRD: 50.0, ("fidelity", 0.6): 70.0}),
            _stopped(1, accuracy={TENTH: 20.0}),
            _stopped(1, accuracy={TENTH: 25.0, THIRD: 40.0}),
            _finished(1, accuracy={THIRD: 55.0}),
        ],
        3,
    ).of_objective(0, _measured(3), 3, only_refit=True)
    assert found is not None
    assert found.X[:, 0].tolist() == [0.0, -1.0, -1.0, 1.0]
    assert found.final.tolist() == [0, -1, -1, 1]
    assert found.fidelities == [("accuracy", *TENTH), ("accuracy", *THIRD)]
    expected = torch.tensor([[30.0, 50.0], [20.0, math.nan], [25.0, 40.0], [math.nan, 55.0]])
    torch.testing.assert_close(found.Y, expected.double(), equal_nan=True)


def test_a_value_shortly_before_a_cut_stands_for_one_at_it() -> None:
    training = _finished(0, accuracy={("step", 9.0): 5.0, ("step", 4.0): 3.0, TENTH: 1.0})
    assert training.at("accuracy", ("step", 10.0)) == 5.0
    assert training.at("accuracy", ("step", 9.0)) == 5.0
    assert math.isnan(training.at("accuracy", ("step", 8.0)))
    assert math.isnan(training.at("loss", TENTH))


def test_training_values_are_read_if_all_trainings_have_left_them() -> None:
    both = {"accuracy": {TENTH: 30.0}, "train_accuracy": {TENTH: 50.0}}
    trainings = [_finished(0, **both), _stopped(1, **both)]
    found = _curves(trainings, 1).of_objective(0, _measured(1), 2, only_refit=True)
    assert found is not None
    assert found.Y.tolist() == [[50.0], [50.0]]
    more = [*trainings, _stopped(1, accuracy={TENTH: 10.0})]
    found = _curves(more, 1).of_objective(0, _measured(1), 2, only_refit=True)
    assert found is not None
    assert found.Y.tolist() == [[30.0], [30.0], [10.0]]


def test_values_are_oriented_as_the_objective_is() -> None:
    trainings = [_finished(0, loss={TENTH: 2.0}), _stopped(1, loss={TENTH: 3.0})]
    found = _curves(trainings, 1, (ACCURACY, LOSS)).of_objective(1, _measured(1), 2, True)
    assert found is not None
    assert found.Y.tolist() == [[-2.0], [-3.0]]


def test_an_objective_without_stopped_curves_has_no_lower_fidelity() -> None:
    curves = _curves([_finished(0, accuracy={TENTH: 2.0}), _stopped(1, accuracy={TENTH: 3.0})], 1)
    assert (
        _curves([_finished(0, accuracy={TENTH: 2.0})], 1).of_objective(
            0, _measured(1), 1, only_refit=True
        )
        is None
    )  # none was stopped
    other = _curves(curves.trainings, 1, (LATENCY,))
    assert other.of_objective(0, _measured(1), 2, only_refit=True) is None
    nobody = PartialCurves.encoded((ACCURACY,), [], torch.zeros(1, 1), range(1), lambda p: p)  # type: ignore[arg-type, return-value]  # not called
    assert nobody is None


def test_of_many_cuts_three_count_and_the_earliest_is_among_them() -> None:
    trainings = [
        _stopped(0, accuracy={("step", float(step)): 1.0 for step in range(1, last + 1)})
        for last in (2, 3, 3, 5, 8, 8, 9)
    ]
    found = _curves([*trainings, _finished(0)], 1).of_objective(0, _measured(1), 1, True)
    assert found is not None
    assert [name[2] for name in found.fidelities] == [2.0, 3.0, 8.0]  # type: ignore[index]  # tuples
    assert int((~found.Y.isnan()).sum(0)[0]) == 7


def test_a_training_counts_as_unfinished_for_an_objective_that_it_lacks() -> None:
    trainings = [
        _finished(0, accuracy={TENTH: 30.0}),
        _finished(1, accuracy={TENTH: 20.0}),  # its latency was measured, its accuracy was not
        _finished(2, accuracy={TENTH: 40.0}),
    ]
    measured = torch.tensor([True, False, True])
    found = _curves(trainings, 3).of_objective(0, measured, 3, only_refit=True)
    assert found is not None
    assert found.final.tolist() == [0, -1, 1]
    assert found.X[:, 0].tolist() == [0.0, 1.0, 2.0]


def test_a_refit_knows_the_trainings_before_its_last_trial() -> None:
    at = {"accuracy": {TENTH: 30.0}}
    trainings = [
        _finished(0, **at), _stopped(1, **at), _finished(1, **at), _stopped(2, **at),
        _finished(2, **at), _stopped(3, accuracy={THIRD: 1.0}),
    ]  # fmt: skip
    then = _curves(trainings[:3], 2).of_objective(0, _measured(2), 2, only_refit=True)
    later = _curves(trainings, 3)
    assert then is not None
    assert are_equal(then, later.of_objective(0, _measured(2), 2, only_refit=True))
    every = later.of_objective(0, _measured(3), 2, only_refit=False)
    assert every is not None
    assert every.final.tolist() == [0, -1, 1, -1, 2, -1]
    assert every.fidelities == then.fidelities
    assert not are_equal(then, every)


def test_a_training_outside_the_training_subset_is_left_out() -> None:
    at = {"accuracy": {TENTH: 30.0}}
    trainings = [_finished(0, **at), _stopped(1, **at), _finished(1, **at), _finished(2, **at)]
    X = torch.arange(2, dtype=torch.float64).unsqueeze(1)
    found = PartialCurves.encoded(
        (ACCURACY,), trainings, X, [0, 2], lambda some: -torch.ones(len(list(some)), 1).double()
    )
    assert found is not None
    assert list(found.rows) == [0, -1, 1]
    assert list(found.before) == [0, 1, 1]


def test_many_stopped_trainings_are_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bonas.studies.proposing.partial_curves._STOPPED", 4)
    trainings = [_stopped(0, accuracy={TENTH: float(i)}) for i in range(8)]
    curves = _curves([*trainings, _finished(0, accuracy={TENTH: 50.0})], 1)
    found = curves.of_objective(0, _measured(1), 1, only_refit=True)
    assert found is not None
    assert found.Y[:, 0].tolist() == [0.0, 2.0, 4.0, 6.0, 50.0]


# Studies whose pruned trials have curves.

SPACE = CellSpace(nodes=3)
OBJECTIVES = (ACCURACY, LATENCY)


def _value(choices: Mapping[str, Any]) -> float:
    """Return an accuracy that the operations add up to."""
    names = list(SPACE.operations)
    return 60.0 + sum(3.0 * names.index(str(op)) * (1 + i) for i, op in enumerate(choices.values()))


def _trial(choices: Mapping[str, Any], *, stopped: bool, curve: bool = True) -> FrozenTrial:
    final = _value(choices)
    points = [
        Measurement({"accuracy": final / 3, "train_accuracy": final / 2}, step=1, fidelity=0.1),
        Measurement({"accuracy": final / 2, "train_accuracy": final / 1.5}, step=5, fidelity=0.5),
    ]
    given: dict[str, Any] = {"state": TrialState.PRUNED} if stopped else {"value": final}
    return optuna.create_trial(
        params=dict(choices),
        distributions=dict(SPACE.distributions),
        system_attrs=packed(points[:1] if stopped else points) if curve else {},
        **given,
    )


def _study(finished: int, stopped: int, *, curves: bool = True) -> optuna.Study:
    """Return a study whose first trials are finished; the stopped ones come among the others."""
    sampler = ArchitectureSampler(SPACE, surrogate="gp", seed=0)
    study = open_study(None, None, as_objectives({"accuracy": "maximize"}), {}, sampler)
    rng = np.random.default_rng(3)
    cells = list({a.key: a.choices for a in (SPACE.members or ())}.values())
    chosen = [cells[i] for i in rng.permutation(len(cells))[: finished + stopped]]
    for i, choices in enumerate(chosen):
        is_stopped = i % 2 == 1 and i < 2 * stopped
        study.add_trial(_trial(choices, stopped=is_stopped, curve=curves))
    return study


def _asked(study: optuna.Study, n: int) -> list[Mapping[str, Any]]:
    """Ask for trials, and finish each."""
    found = []
    for _ in range(n):
        trial = study.ask(dict(SPACE.distributions))
        study.tell(trial, _value(trial.params))
        found.append(trial.params)
    return found


def test_what_trials_left_is_read_only_where_one_was_stopped_on_its_way() -> None:
    task = Task.of(_study(1, 0), SPACE, Parameters({}))
    assert not Observations.of(_study(12, 0), task).trainings
    assert not Observations.of(_study(6, 4, curves=False), task).trainings
    observations = Observations.of(_study(6, 4), task)
    assert [t.row for t in observations.trainings] == [0, None, 1, None, 2, None, 3, None, 4, 5]
    assert [t.before for t in observations.trainings] == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]
    running = optuna.create_trial(state=TrialState.RUNNING, params={}, distributions={})
    assert passed(running, Point(None, {}), None, 0) is None


def test_an_estimate_at_a_lower_fidelity_that_is_no_point_of_a_curve_counts() -> None:
    attributes = packed([Measurement({"accuracy": 40.0}, fidelity=0.25)])
    trial = optuna.create_trial(state=TrialState.PRUNED, system_attrs=attributes)
    found = passed(trial, Point(None, {}), None, 0)
    assert found is not None
    assert found.curves == {"accuracy": {("fidelity", 0.25): 40.0}}


def test_a_search_proposes_by_what_stopped_trainings_left() -> None:
    with_curves, without = _study(14, 14), _study(14, 14, curves=False)
    task = Task.of(with_curves, SPACE, Parameters({}))
    proposer = make_proposer(SPACE, surrogate="gp")
    observations = Observations.of(with_curves, task)
    (found,) = proposer.propose(task, observations, 0, 28, 1)
    posteriors = proposer._recommender._posteriors
    assert posteriors is not None
    model = posteriors.objectives[0].model
    assert isinstance(model, CoregionalisedGP)
    assert model.kernel.fidelities == (("train_accuracy", "fidelity", 0.1),)
    assert len(model.stacked.rows.X) == 14 + 28  # finished values; trainings at the cut
    other = make_proposer(SPACE, surrogate="gp").propose(
        task, Observations.of(without, task), 0, 28, 1
    )
    assert found.prediction != other[0].prediction
    assert found.point.key not in {t.point.key for t in observations.trainings}


def test_stopped_trainings_teach_the_surrogate() -> None:
    errors = []
    for curves in (True, False):
        study = _study(14, 20, curves=curves)
        task = Task.of(study, SPACE, Parameters({}))
        proposer = make_proposer(SPACE, surrogate="gp")
        observations = Observations.of(study, task)
        proposer.propose(task, observations, 0, 34, 1)
        posteriors, candidates = proposer._recommender._posteriors, proposer._candidates
        assert posteriors is not None
        assert candidates is not None
        pool = candidates.pool.all
        assert pool is not None
        median, _ = posteriors.predict(candidates.features.encode(pool))
        truth = torch.tensor([_value(p.params) for p in pool], dtype=torch.float64)
        errors.append(float((median[:, 0] - truth).square().mean().sqrt()))
    assert errors[0] < 0.8 * errors[1]


def test_a_search_that_is_resumed_proposes_the_same() -> None:
    study = _study(12, 10)
    kept = _asked(study, 4)
    again = _study(12, 10)
    resumed = []
    for _ in range(4):
        again.sampler = ArchitectureSampler(SPACE, surrogate="gp", seed=0)
        resumed += _asked(again, 1)
    assert kept == resumed


LAYOUT = Layout({"block": slice(0, 2)}, {})


def _passed(n: int) -> tuple[Tensor, Tensor, list[Passed]]:
    """Return encodings, values, and trainings of which every third one was stopped."""
    X = torch.from_numpy(np.random.default_rng(2).standard_normal((n, 2)))
    Y = torch.stack([90.0 + X.sum(1).sin(), -torch.exp(X[:, 1])], dim=1)
    Y[1::3, 0] = torch.nan
    cut = (90.0 + X.sum(1).sin() + 0.1 * X[:, 0]).tolist()
    return X, Y, [_finished(i, accuracy={TENTH: y}) for i, y in enumerate(cut)]


def test_posteriors_that_grew_are_those_fitted_afresh() -> None:
    X, Y, trainings = _passed(34)
    grown = None

    def curves(n: int) -> PartialCurves | None:
        return PartialCurves.encoded(OBJECTIVES, trainings[:n], X[:n], range(n), lambda p: X[:0])

    for n in (30, 31, 32, 33, 34):
        grown = fit_posteriors(fit_graph_gp, X[:n], Y[:n], LAYOUT, 0, grown, curves=curves(n))
    afresh = fit_posteriors(fit_graph_gp, X, Y, LAYOUT, 0, curves=curves(34))
    assert grown is not None
    assert isinstance(grown.objectives[0].model, CoregionalisedGP)
    assert type(grown.objectives[1].model) is GraphGP
    for one, other in zip(grown.marginals(X), afresh.marginals(X), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8)


def test_a_training_that_is_stopped_after_a_refit_is_learnt_from_at_once() -> None:
    X, Y, trainings = _passed(30)
    late = _training(None, 30, {"accuracy": {TENTH: 70.0}})

    def curves(*more: Passed) -> PartialCurves | None:
        return PartialCurves.encoded(
            OBJECTIVES, [*trainings, *more], X, range(30), lambda p: X[:1] + 0.5
        )

    before = fit_posteriors(fit_graph_gp, X, Y, LAYOUT, 0, curves=curves())
    after = fit_posteriors(fit_graph_gp, X, Y, LAYOUT, 0, before, curves=curves(late))
    assert after.refit is before.refit
    at = X[:1] + 0.5
    assert float(after.predict(at)[0][0, 0]) < float(before.predict(at)[0][0, 0])


def test_a_surrogate_that_reads_none_is_fitted_as_before() -> None:
    X, Y, trainings = _passed(20)
    curves = PartialCurves.encoded(OBJECTIVES, trainings, X, range(20), lambda p: X[:0])
    one = fit_posteriors(fit_forest, X, Y, LAYOUT, 0, curves=curves)
    other = fit_posteriors(fit_forest, X, Y, LAYOUT, 0)
    torch.testing.assert_close(one.marginals(X), other.marginals(X))
