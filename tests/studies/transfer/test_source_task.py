"""SourceTask of other tasks, and what a search makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise, product
from typing import Any, ClassVar, NamedTuple

import numpy as np
import optuna
import pytest
import torch

from bonas import ArchitectureGraph, ArchitectureSampler, Objective
from bonas.encoders import Layout
from bonas.errors import InvalidArgument
from bonas.result import SearchResult
from bonas.spaces import Choices, Space
from bonas.studies import SourceTask
from bonas.studies.proposing.features import Features
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.point import Point
from bonas.studies.proposing.posterior import fit_posteriors
from bonas.studies.study import open_study
from bonas.studies.transfer.prior_mean import TransferPrior
from bonas.surrogates import fit_graph_gp

ACCURACY = Objective("accuracy", "maximize", "%")
LATENCY = Objective("latency", "minimize", "ms")


class Chain(Space):
    """Four layers out of five kinds: 625 networks, each a chain."""

    parameters: ClassVar = {f"layer{i}": ["a", "b", "c", "d", "e"] for i in range(4)}

    def graph(self, choices: Choices) -> ArchitectureGraph:
        labels = ["input", *map(str, choices.values()), "output"]
        return ArchitectureGraph(labels, [(i, i + 1) for i in range(5)])


SPACE = Chain()
GOOD: Choices = dict.fromkeys(SPACE.parameters, "a")
WORTH = {"a": 4.0, "b": 3.0, "c": 1.5, "d": 0.5, "e": 0.0}


def _accuracy(choices: Choices) -> float:
    """The first layers count more, and a pair of equal neighbours is worth a little."""
    kinds = [str(kind) for kind in choices.values()]
    pairs = sum(one == other for one, other in pairwise(kinds))
    return sum(WORTH[k] * (5 - i) for i, k in enumerate(kinds)) + 0.7 * pairs


def _latency(choices: Choices) -> float:
    """Good layers are slow."""
    return 1.0 + sum(WORTH[str(kind)] ** 1.5 for kind in choices.values())


MEASURES: Mapping[str, Callable[[Choices], float]] = {"accuracy": _accuracy, "latency": _latency}


def _drawn(n: int, seed: int = 0) -> list[Choices]:
    rng = np.random.default_rng(seed)
    return [SPACE.sample(rng) for _ in range(n)]


def _known(objective: Objective = ACCURACY, n: int = 60, *, sign: float = 1.0) -> SourceTask:
    choices = _drawn(n)
    values = [[sign * MEASURES[objective.name](each)] for each in choices]
    return SourceTask("another task", choices, np.array(values), [objective])


def _searched(
    sampler: ArchitectureSampler, budget: int, objectives: tuple[Objective, ...] = (ACCURACY,)
) -> optuna.Study:
    study = open_study(None, None, objectives, {}, sampler)
    for _ in range(budget):
        trial = study.ask()
        choices = SPACE.suggest(trial)
        # on this task all accuracies are a third lower, and late layers count a little more
        values = [MEASURES[goal.name](choices) for goal in objectives]
        values[0] = values[0] * 2 / 3 + WORTH[str(choices["layer3"])]
        study.tell(trial, values)
    return study


def _frame(records: list[dict[str, Any]]) -> Any:
    class Frame:
        def to_dict(self, orient: str) -> list[dict[str, Any]]:
            assert orient == "records"
            return records

    return Frame()


# what is known ---------------------------------------------------------------------------------


def test_rows_a_frame_a_study_and_a_result_tell_the_same() -> None:
    study = _searched(ArchitectureSampler(SPACE, surrogate="random", seed=0), 6)
    choices = [trial.params for trial in study.trials]
    values = [trial.values[0] for trial in study.trials]
    goals = {"accuracy": "maximize"}
    rows = [(c, {"accuracy": v, "seconds": 3.0}) for c, v in zip(choices, values, strict=True)]
    records = [{**c, "accuracy": np.float64(v)} for c, v in zip(choices, values, strict=True)]
    made = [
        SourceTask.of("t", SearchResult(study, SPACE, (ACCURACY,))),
        SourceTask.of_study("t", study, [ACCURACY]),
        SourceTask.of_rows("t", rows, goals),  # type: ignore[arg-type]  # a literal
        SourceTask.of_frame("t", _frame(records), [ACCURACY]),
    ]
    for known in made:
        assert known.values.ravel().tolist() == values
        assert list(known.choices) == choices
        assert repr(known) == "<SourceTask 't': 6 architectures, accuracy [%] maximize>"


def test_a_parameter_that_a_row_of_a_frame_lacks_is_none_of_its_choices() -> None:
    records = [{"depth": np.int64(1), "width": float("nan"), "accuracy": 1.0}]
    known = SourceTask.of_frame("t", _frame(records), [ACCURACY])
    assert known.choices == ({"depth": 1},)
    assert type(known.choices[0]["depth"]) is int


def test_failed_trials_teach_nothing() -> None:
    study = optuna.create_study(direction="maximize")
    study.add_trial(optuna.create_trial(value=float("inf")))
    study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
    with pytest.raises(InvalidArgument, match="source task 't' is empty"):
        SourceTask.of_study("t", study, [ACCURACY])


ROW = (GOOD, {"accuracy": 1.0})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SourceTask.of_rows("t", [], [ACCURACY]), "at least one measured"),
        (lambda: SourceTask.of_rows("", [ROW], [ACCURACY]), "must be a non-empty string, got ''"),
        (lambda: SourceTask.of_rows("t", [ROW, (GOOD, {})], [ACCURACY]), "row 1 .* no value of"),
        (lambda: SourceTask.of_rows("t", [GOOD], [ACCURACY]), "must be a pair"),
        (lambda: SourceTask.of_rows("t", [(GOOD, {"accuracy": "x"})], [ACCURACY]), "not a number"),
        (
            lambda: SourceTask("t", [GOOD] * 3, np.array([[1], [np.nan], [np.inf]]), [ACCURACY]),
            r"2 of 3 rows .* row 1 has the values \[nan\]",
        ),
        (lambda: SourceTask("t", [GOOD], np.ones((1, 2)), [ACCURACY]), r"1 x 1 .* got \(1, 2\)"),
        (lambda: SourceTask.of_frame("t", [ROW], [ACCURACY]), "expected a DataFrame"),
        (
            lambda: SourceTask.of_study("t", optuna.create_study(), [ACCURACY]),
            r"directions \['minimize'\]",
        ),
        (
            lambda: SourceTask("t", [GOOD], np.ones((1, 1)), [ACCURACY], expected_correlation=2.0),
            "expected_correlation must be a number in",
        ),
    ],
    ids=[
        *("nothing", "name", "missing", "pair", "word", "not finite", "shape", "frame"),
        *("direction", "correlation"),
    ],
)
def test_what_is_no_source_task_is_refused(make: Callable[[], SourceTask], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        make()


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({**GOOD, "layer9": "a"}, "unknown .'layer9'"),
        ({**GOOD, "layer0": "z"}, "'layer0' must be one of"),
        ({"layer0": "a"}, "missing .'layer1'"),
    ],
    ids=["unknown", "no option", "missing"],
)
def test_rows_that_do_not_fit_the_space_are_counted(choices: Choices, said: str) -> None:
    known = SourceTask("t", [GOOD, choices, choices], np.ones((3, 1)), [ACCURACY])
    with pytest.raises(InvalidArgument, match=f"2 of 3 rows .* row 1: .*{said}"):
        ArchitectureSampler(SPACE, source_tasks=[known])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"source_tasks": _known()}, "list of SourceTask"),
        ({"source_tasks": [3]}, "list of SourceTask"),
        ({"source_tasks": [_known()], "space": None}, "need a space"),
        ({"source_tasks": [_known()], "surrogate": "random"}, "'random' reads no transfer prior"),
        ({"source_tasks": [_known()], "surrogate": "gnn"}, "'gnn' reads no transfer prior"),
        (
            {"source_tasks": [_known()], "surrogate": lambda X, Y, layout, seed: None},
            r"declares that it does by bonas.surrogates.supports\(prior_mean=True\)",
        ),
    ],
    ids=["not a list", "a number", "no space", "random", "gnn", "undeclared"],
)
def test_what_a_sampler_cannot_use_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        ArchitectureSampler(**{"space": SPACE, **settings})


def test_a_source_task_of_something_else_is_refused_when_the_objectives_are_known() -> None:
    for objectives, said in [
        ((LATENCY,), "has none of the objectives"),
        ((Objective("accuracy", "minimize"),), "to maximize, this search has it to minimize"),
    ]:
        with pytest.raises(InvalidArgument, match=said):
            _searched(ArchitectureSampler(SPACE, source_tasks=[_known()]), 1, objectives)
    study = optuna.create_study(sampler=ArchitectureSampler(SPACE, source_tasks=[_known()]))
    with pytest.raises(InvalidArgument, match="set_metric_names"):
        study.ask(dict(SPACE.distributions))


# the prior -------------------------------------------------------------------------------------


def test_a_prior_has_a_column_for_each_task_that_knows_of_the_objective() -> None:
    sources = [_known(), _known(LATENCY), _known(n=20)]
    prior = TransferPrior(
        SPACE, sources, {"latency": "minimize", "accuracy": "maximize", "f1": "maximize"}
    )
    points = [Point(SPACE.architecture(each), {}) for each in _drawn(5, seed=3)]
    features = Features(None, Parameters({}), prior)
    assert features.encode(points).shape == (5, 3)
    assert features.layout.prior == [slice(0, 1), slice(1, 3), None]


def test_a_prior_expects_what_the_other_task_has_shown_oriented() -> None:
    others = [SPACE.architecture(each) for each in _drawn(200, seed=5)]
    for objective, sign in ((ACCURACY, 1), (LATENCY, -1)):
        prior = TransferPrior(SPACE, [_known(objective)], {objective.name: objective.direction})
        given = prior.encode(others)[:, 0].numpy()
        truth = [sign * MEASURES[objective.name](each.choices) for each in others]
        assert np.corrcoef(given, truth)[0, 1] > 0.8


def test_a_process_learns_the_scale_and_the_sign_of_a_prior() -> None:
    rng = np.random.default_rng(0)
    given = rng.standard_normal((40, 1))
    X = torch.from_numpy(np.hstack([rng.standard_normal((40, 3)), given]))
    layout = Layout({"own": slice(0, 3)}, {}, (slice(3, 4), None))
    for scale in (5.0, -0.01):
        Y = torch.from_numpy(np.hstack([scale * given + 3.0, given]))  # two: values are not bent
        belief = fit_posteriors(fit_graph_gp, X[:8], Y[:8], layout, 0)
        error = (belief.predict(X[8:])[0] - Y[8:])[:, 0].abs()
        assert float(error.mean()) < 0.3 * abs(scale)


# the search ------------------------------------------------------------------------------------


def _proposals(study: optuna.Study) -> list[dict[str, Any]]:
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("surrogate", ["gp", "wl", "forest"])
def test_the_first_proposal_is_what_another_task_found_best(surrogate: str) -> None:
    sampler = ArchitectureSampler(SPACE, surrogate=surrogate, source_tasks=[_known(n=200)], seed=0)
    values = _searched(sampler, 6).trials
    ranked = sorted((_accuracy(each) for each in SPACE), reverse=True)
    assert _accuracy(values[0].params) >= ranked[20]


def test_proposals_are_a_function_of_trials_seed_and_source_tasks() -> None:
    def sampler() -> ArchitectureSampler:
        return ArchitectureSampler(SPACE, surrogate="gp", source_tasks=[_known()], seed=3)

    study = _searched(sampler(), 9)
    for n in (0, 1, 2, 3, 5, 8):
        again = open_study(None, None, (ACCURACY,), {}, sampler())
        again.add_trials(study.trials[:n])
        trial = again.ask()
        assert SPACE.suggest(trial) == study.trials[n].params


def test_no_source_task_changes_nothing() -> None:
    made = [
        _searched(ArchitectureSampler(SPACE, surrogate="gp", seed=1, **more), 13)
        for more in ({}, {"source_tasks": []}, {"n_initial": 10})
    ]
    assert _proposals(made[0]) == _proposals(made[1]) == _proposals(made[2])


def test_a_source_task_of_one_of_two_objectives_is_used() -> None:
    sampler = ArchitectureSampler(SPACE, surrogate="gp", source_tasks=[_known(LATENCY)], seed=0)
    study = _searched(sampler, 12, (ACCURACY, LATENCY))
    layout = Features(None, Parameters({}), sampler._proposer.knowledge.everything).layout
    assert layout.prior == [None, slice(0, 1)]
    assert len({str(each) for each in _proposals(study)}) == 12


def _queries(source_tasks: list[SourceTask], seed: int) -> int:
    """Evaluations until the best network, at most 30."""
    sampler = ArchitectureSampler(SPACE, surrogate="gp", source_tasks=source_tasks, seed=seed)
    found = [trial.params == GOOD for trial in _searched(sampler, 30).trials]
    return [*found, True].index(True) + 1


def test_a_source_task_saves_evaluations_and_a_false_one_costs_few() -> None:
    seeds = range(3)
    cold = np.mean([_queries([], seed) for seed in seeds])
    warm = np.mean([_queries([_known(n=40)], seed) for seed in seeds])
    false = np.mean([_queries([_known(n=40, sign=-1.0)], seed) for seed in seeds])
    assert warm < 0.7 * cold
    assert false < cold + 5


# scores ----------------------------------------------------------------------------------------


class _Score(NamedTuple):
    choices: Choices
    value: float


@pytest.mark.parametrize(("direction", "sign"), [("maximize", 1.0), ("minimize", -1.0)])
def test_scores_are_oriented_as_the_objective_is(direction: Any, sign: float) -> None:
    scores = [_Score(GOOD, -0.5), _Score(GOOD, float("nan"))]
    known = SourceTask.of_scores("supernet", scores, objective="loss", direction=direction)
    assert known.values.tolist() == [[-0.5 * sign]]
    assert (known.objectives[0].name, known.objectives[0].direction) == ("loss", direction)
    assert known.expected_correlation == 0.5


def test_slopes_are_expected_correlations_of_standardised_values() -> None:
    every = [dict(zip(SPACE.parameters, each, strict=True)) for each in product("abcde", repeat=4)]
    rows = [(choices, {"accuracy": _accuracy(choices)}) for choices in every]
    plain = SourceTask.of_rows("measured", rows, [ACCURACY])
    scores = [_Score(choices, _accuracy(choices)) for choices in every]
    led = [SourceTask.of_scores(name, scores, expected_correlation=0.3) for name in "ab"]
    prior = TransferPrior(SPACE, led, {"accuracy": "maximize"})
    mean = prior.encode([SPACE.architecture(c) for c in every]) @ torch.tensor(
        prior.slopes[0], dtype=torch.float64
    )
    assert float(mean.std()) == pytest.approx(0.3, rel=0.1)  # two equal tasks, as one
    assert TransferPrior(SPACE, [plain], {"accuracy": "maximize"}).slopes == [[0.0]]


def test_scores_none_of_which_is_finite_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="empty"):
        SourceTask.of_scores("supernet", [_Score(GOOD, float("inf"))])
