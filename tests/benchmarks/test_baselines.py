"""The baselines: each does what its paper says, over valid combinations only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from botorch.utils.multi_objective.hypervolume import Hypervolume
from botorch.utils.multi_objective.pareto import is_non_dominated
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import TrialState, create_trial

from bonas.benchmarks.baselines import (
    METHODS,
    Bananas,
    LocalSearch,
    Method,
    NasBowl,
    OneHotBoTorch,
    RegularizedEvolution,
    ReinforceController,
    RejectInvalid,
)
from bonas.benchmarks.baselines import bananas_ensemble as networks
from bonas.benchmarks.baselines.bananas import relative_losses
from bonas.benchmarks.baselines.mutation import mutate, sample_mutants, sample_unseen
from bonas.benchmarks.baselines.observations import Key, Observations, key
from bonas.benchmarks.baselines.one_hot_gp import _hypervolume_gains
from bonas.errors import InvalidArgument
from bonas.spaces import INPUT, OUTPUT, ArchitectureGraph, CellSpace, Choices, Space

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
BASELINES = [name for name in METHODS if not name.startswith("bonas")]
REPEATING = {"random", "tpe", "nsga2", "optuna-gp", "evolution"}
SINGLE = [name for name in BASELINES if not METHODS[name].multi_objective]


@pytest.fixture(scope="module")
def space() -> CellSpace:
    """4,096 combinations, of which some are not valid."""
    return CellSpace(nodes=4, operations=OPERATIONS)


class Numbers(Space):
    """Three digits; a sum of 6 is forbidden."""

    parameters = dict.fromkeys("abc", tuple(range(4)))

    def graph(self, choices: Choices) -> ArchitectureGraph:
        labels = [f"{name}{value}" for name, value in choices.items()]
        edges = [(i, i + 1) for i in range(len(labels) + 1)]
        return ArchitectureGraph([INPUT, *labels, OUTPUT], edges)

    def is_valid(self, choices: Choices) -> bool:
        return _total(choices) != 6.0


def _key(*digits: int) -> Key:
    return key(dict(zip("abc", digits, strict=True)))


def _total(choices: Mapping[str, Any]) -> float:
    return float(sum(choices.values()))


def _values(space: Space, choices: Mapping[str, Any]) -> list[float]:
    """A made-up accuracy and latency: convolutions in a row help, and cost."""
    graph = space.architecture(choices).graph
    three, one = graph.labels.count("nor_conv_3x3"), graph.labels.count("nor_conv_1x1")
    inner = [graph.labels[s] == graph.labels[t] for s, t in graph.edges]
    accuracy = 70.0 + 4.0 * three - 0.5 * three**2 + 2.0 * one + 1.5 * sum(inner)
    return [accuracy - 0.3 * len(graph.edges), 1.0 + 3.0 * three + one]


def _search(
    space: Space,
    sampler: BaseSampler,
    n: int,
    *,
    evaluate: Callable[[Mapping[str, Any]], list[float]] | None = None,
    directions: Sequence[str] = ("maximize",),
    study: optuna.Study | None = None,
) -> optuna.Study:
    if study is None:
        study = optuna.create_study(directions=list(directions))
    study.sampler = sampler
    for _ in range(n):
        trial = study.ask({**space.distributions})
        values = _values(space, trial.params) if evaluate is None else evaluate(trial.params)
        study.tell(trial, values[: len(study.directions)])
    return study


def _params(study: optuna.Study) -> list[dict[str, Any]]:
    return [trial.params for trial in study.trials]


# What holds for every method.


@pytest.mark.parametrize("name", BASELINES)
def test_every_proposal_is_valid_and_most_methods_never_repeat_one(
    space: CellSpace, name: str
) -> None:
    params = _params(_search(space, METHODS[name].make(space, 0), 23))
    assert all(list(p) == list(space.parameters) and space.is_valid(p) for p in params)
    if name not in REPEATING:
        assert len({tuple(p.values()) for p in params}) == 23


@pytest.mark.parametrize("name", BASELINES)
def test_a_resumed_search_goes_on_as_if_it_had_not_stopped(space: CellSpace, name: str) -> None:
    make = METHODS[name].make
    through = _params(_search(space, make(space, 5), 24))
    parts = _search(space, make(space, 5), 13)
    for more in (4, 7):  # in the middle of a batch, where there are batches
        _search(space, make(space, 5), more, study=parts)
    assert _params(parts) == through
    assert _params(_search(space, make(space, 6), 3)) != through[:3]


@pytest.mark.parametrize("name", [name for name in BASELINES if METHODS[name].multi_objective])
def test_methods_for_several_objectives_search_two(space: CellSpace, name: str) -> None:
    study = _search(space, METHODS[name].make(space, 0), 13, directions=["maximize", "minimize"])
    assert all(space.is_valid(params) for params in _params(study))


@pytest.mark.parametrize("name", SINGLE)
def test_methods_for_one_objective_say_so(space: CellSpace, name: str) -> None:
    with pytest.raises(InvalidArgument, match=r"of one objective, the study has 2; give it"):
        _search(space, METHODS[name].make(space, 0), 1, directions=["maximize", "minimize"])


@pytest.mark.parametrize("name", [*SINGLE, "botorch"])
def test_to_maximise_is_to_minimise_the_negative(name: str) -> None:
    def negative(params: Mapping[str, Any]) -> list[float]:
        return [-_total(params)]

    def total(params: Mapping[str, Any]) -> list[float]:
        return [_total(params)]

    space, make = Numbers(), METHODS[name].make
    up = _search(space, make(space, 0), 21, evaluate=total)
    down = _search(space, make(space, 0), 21, evaluate=negative, directions=["minimize"])
    assert _params(up) == _params(down)


@pytest.mark.parametrize("name", [*SINGLE, "botorch"])
def test_when_nothing_is_new_any_more_an_old_combination_comes_again(name: str) -> None:
    space = CellSpace(nodes=3, operations=("none", "nor_conv_3x3"))
    n = len(list(space))
    assert n == 5
    sampler = METHODS[name].make(space, 0)
    study = _search(space, sampler, 16)
    if name not in REPEATING:
        assert len({tuple(params.values()) for params in _params(study)[:n]}) == n
    assert all(space.is_valid(params) for params in _params(study))


@pytest.mark.parametrize("name", [*SINGLE, "botorch"])
def test_failed_and_running_trials_do_no_harm(space: CellSpace, name: str) -> None:
    sampler = METHODS[name].make(space, 0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    asked = []
    for i in range(16):
        trial = study.ask({**space.distributions})
        asked.append(trial.params)
        if i % 4 == 0:
            study.tell(trial, state=TrialState.FAIL)
        elif i % 4 != 1:
            study.tell(trial, _values(space, trial.params)[0])
    if name not in REPEATING:
        assert len({tuple(params.values()) for params in asked}) == 16


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "n"),
    [
        ("tpe", 60),
        ("evolution", 60),
        ("local-search", 60),
        ("bananas", 60),
        ("nas-bowl", 60),
        ("optuna-gp", 30),
        ("botorch", 30),
    ],
)
def test_it_beats_random_search_of_60(space: CellSpace, name: str, n: int) -> None:
    """Five paired seeds, all five won: chance would do that once in 32 times.

    REINFORCE and NSGA-II have hardly begun to learn by then.
    """

    def best(chosen: str, seed: int, budget: int) -> float:
        return _search(space, METHODS[chosen].make(space, seed), budget).best_value

    for seed in range(5):
        assert best(name, seed, n) > best("random", seed, 60)


def test_every_method_stands_under_its_name_with_its_source() -> None:
    assert all(isinstance(m, Method) and m.name == name for name, m in METHODS.items())
    assert all(m.source for m in METHODS.values())
    assert SINGLE == ["evolution", "local-search", "bananas", "nas-bowl", "reinforce"]


# What is observed, and how it is mutated.


def test_every_other_trial_is_observed_in_order() -> None:
    space = Numbers()
    study = optuna.create_study(direction="minimize")
    for digit, state in enumerate((TrialState.COMPLETE, TrialState.FAIL, TrialState.RUNNING)):
        params = {"a": digit, "b": 0, "c": 0}
        value = {"value": 7.0} if state == TrialState.COMPLETE else {}
        study.add_trial(
            create_trial(params=params, distributions={**space.distributions}, state=state, **value)
        )
    study.add_trial(create_trial(params={}, value=1.0))  # of another space
    observed = Observations.of(study, space, number=2)
    assert [choices["a"] for choices in observed.choices] == [0, 1]
    assert observed.values[0] == [-7.0]
    assert np.isnan(observed.values[1]).all()
    assert observed.seen == {_key(0, 0, 0), _key(1, 0, 0)}
    assert observed.best(5) == [{"a": 0, "b": 0, "c": 0}]


def test_the_last_unseen_combination_is_found() -> None:
    space = Numbers()
    valid = [key(choices) for choices in space]
    rng = np.random.default_rng(0)
    assert key(sample_unseen(space, set(valid[:-1]), rng)) == valid[-1]
    assert key(sample_unseen(space, set(valid), rng)) in valid


def test_a_mutant_differs_in_one_choice_and_is_valid() -> None:
    space = Numbers()
    rng = np.random.default_rng(0)
    start = {"a": 3, "b": 2, "c": 0}
    children = [mutate(space, start, rng) for _ in range(200)]
    assert all(space.is_valid(child) for child in children)
    assert {sum(child[n] != start[n] for n in "abc") for child in children} == {1}
    assert len({key(child) for child in children}) == len(list(space.neighbours(start)))


def test_mutants_are_new_and_distinct() -> None:
    space = Numbers()
    start = {"a": 0, "b": 0, "c": 0}
    seen = {key(start), _key(1, 0, 0)}
    found = [key(c) for c in sample_mutants(space, [start], 20, seen, np.random.default_rng(0))]
    assert len(set(found)) == len(found) == 20
    assert not seen & set(found)


# What each method does.


def test_in_evolution_the_best_of_the_young_has_the_child() -> None:
    """With a tournament of nearly everyone; the best of all has died."""
    space = Numbers()
    study = optuna.create_study(direction="maximize")
    for a, b, c in [(3, 3, 3), (0, 0, 0), (0, 0, 1), (2, 1, 0), (1, 0, 0)]:
        params = {"a": a, "b": b, "c": c}
        study.add_trial(
            create_trial(params=params, distributions={**space.distributions}, value=_total(params))
        )
    for seed in range(20):
        study.sampler = RegularizedEvolution(space, seed=seed, population=4, sample=60)
        child = study.ask({**space.distributions}).params
        assert sum(child[n] != {"a": 2, "b": 1, "c": 0}[n] for n in "abc") == 1


@pytest.mark.parametrize("whole", [False, True])
def test_local_search_climbs_and_then_starts_anew(whole: bool) -> None:
    """Followed step by step: where it is, and what it may evaluate there."""
    space = Numbers()

    def value(params: Mapping[str, Any]) -> list[float]:
        return [float(-abs(params["a"] - 2) - 2 * abs(params["b"] - 1) + 0.1 * params["c"])]

    params = _params(
        _search(space, LocalSearch(space, seed=1, initial=4, whole=whole), 48, evaluate=value)
    )
    seen = {key(p): value(p)[0] for p in params[:4]}
    place = max(params[:4], key=lambda p: value(p)[0])
    restarts = 0
    for proposal in params[4:]:
        around = [key(near) for near in space.neighbours(place)]
        fresh = [near for near in around if near not in seen]
        if key(proposal) in around:
            seen[key(proposal)] = value(proposal)[0]
            fresh.remove(key(proposal))
        else:
            assert not fresh
            assert all(seen[near] <= value(place)[0] for near in around)
            seen[key(proposal)] = value(proposal)[0]
            place = proposal
            restarts += 1
        while True:  # move on, maybe to a place whose neighbours are all known
            around = [key(near) for near in space.neighbours(place)]
            known = [near for near in around if near in seen]
            best = max(known, key=lambda near: seen[near], default=key(place))
            done = len(known) == len(around)
            if seen[best] <= value(place)[0] or (whole and not done):
                break
            place = dict(best)
    assert restarts > 0


def test_the_controller_follows_the_gradient_of_the_policy() -> None:
    """Against autograd, with the baseline written out."""
    space = Numbers()
    rng = np.random.default_rng(0)
    choices = [dict(space.sample(rng)) for _ in range(12)]
    rewards = [_total(c) for c in choices]
    observed = Observations(choices, np.array(rewards)[:, None])
    controller = ReinforceController(space, seed=3)
    logits = controller.policy(Observations([], np.zeros((0, 1)))).requires_grad_()
    assert float(logits.detach().abs().max()) < 0.01
    optimizer = torch.optim.Adam([logits], lr=0.01)
    for i, c in enumerate(choices):
        weights = [0.9 ** (i - j) for j in range(i + 1)]
        baseline = float(np.average(rewards[: i + 1], weights=weights))
        taken = [c[name] for name in "abc"]
        with torch.enable_grad():
            chance = logits.log_softmax(1)[range(3), taken].sum()
            (-(rewards[i] - baseline) * chance).backward()  # type: ignore[no-untyped-call]  # torch's
        optimizer.step()
        optimizer.zero_grad()
    torch.testing.assert_close(controller.policy(observed), logits.detach())


def test_the_controller_comes_to_prefer_what_is_rewarded() -> None:
    space = Numbers()

    def value(params: Mapping[str, Any]) -> list[float]:
        return [float(params["a"] == 3)]

    sampler = ReinforceController(space, seed=0, rate=0.2)
    study = _search(space, sampler, 30, evaluate=value)
    policy = sampler.policy(Observations.of(study, space, number=-1)).softmax(1)
    assert float(policy[0, 3]) > 0.6


def test_a_parameter_with_fewer_choices_has_no_others_in_the_policy() -> None:
    class Uneven(Numbers):
        parameters = {"a": (0, 1), "b": (0, 1, 2), "c": (0, 1)}  # noqa: RUF012 - see above

    space = Uneven()
    study = _search(
        space, ReinforceController(space, seed=0), 8, evaluate=lambda params: [_total(params)]
    )
    logits = ReinforceController(space, seed=0).policy(Observations.of(study, space, number=-1))
    assert logits.isfinite().tolist() == [[True, True, False], [True] * 3, [True, True, False]]


def test_the_networks_gradient_is_that_of_autograd() -> None:
    generator = torch.Generator().manual_seed(0)
    theta = networks._initial_weights(4, generator).requires_grad_()
    X, t = torch.rand(5, 7, 4, generator=generator), 0.5 + torch.rand(5, 7, 1, generator=generator)
    with torch.enable_grad():
        output = networks.forward(networks._layers(theta, 4), X)[-1]
        (output / t - 1.0).abs().mean((1, 2)).sum().backward()  # type: ignore[no-untyped-call]  # torch's
    with torch.no_grad():
        written = torch.zeros_like(theta)
        layers = networks._layers(theta, 4)
        networks.backward(layers, networks.forward(layers, X), t, networks._layers(written, 4))
    torch.testing.assert_close(written, theta.grad)


def test_the_networks_learn_and_disagree() -> None:
    rng = np.random.default_rng(0)
    X = torch.from_numpy(rng.integers(0, 2, (160, 8))).float()
    t = 0.5 + X[:, 0] + 0.5 * X[:, 1] * X[:, 2]
    found = networks.fit_predict(X[:120], t[:120], X[120:], seed=0)
    assert found.shape == (5, 40)
    assert float((found.mean(0) - t[120:]).abs().mean()) < 0.15
    assert float(found.std(0).min()) > 0.0
    assert torch.equal(found, networks.fit_predict(X[:120], t[:120], X[120:], seed=0))


def test_relative_losses_put_the_bound_below_the_best() -> None:
    # best 2, median 4: the bound is 1, a unit is 3
    losses = np.array([2.0, 4.0, 10.0])
    assert relative_losses(losses).tolist() == pytest.approx([1 / 3, 1.0, 3.0])
    assert relative_losses(np.full(3, 5.0)).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(("kind", "batch"), [(Bananas, 10), (NasBowl, 5)])
def test_a_model_is_fitted_once_a_batch(
    kind: type[Bananas] | type[NasBowl],
    batch: int,
    space: CellSpace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fitted: list[int] = []
    rank = kind._rank

    def counted(self: Any, observed: Observations, rng: np.random.Generator) -> Sequence[Choices]:
        fitted.append(len(observed.choices))
        return rank(self, observed, rng)

    monkeypatch.setattr(kind, "_rank", counted)
    _search(space, kind(space, seed=0), 24)
    assert fitted == list(range(10, 24, batch))


def test_nas_bowl_scores_half_mutants_and_half_random_ones(space: CellSpace) -> None:
    baseline = NasBowl(space, seed=0)
    study = _search(space, baseline, 12)
    observed = Observations.of(study, space, number=-1)
    pool = baseline._candidates(observed, np.random.default_rng(0))
    assert len({key(choices) for choices in pool}) == len(pool) == 200
    assert not observed.seen & {key(choices) for choices in pool}
    near = {key(n) for parent in observed.best(10) for n in space.neighbours(parent)}
    assert sum(key(choices) in near for choices in pool[:100]) > 50
    assert sum(key(choices) in near for choices in pool[100:]) < 30


def test_hypervolume_gains_are_those_of_botorch() -> None:
    rng = np.random.default_rng(0)
    Y, points = (torch.from_numpy(rng.standard_normal((n, 2))) for n in (8, 20))
    reference_point = torch.tensor([-2.0, -1.5], dtype=torch.float64)
    volume = Hypervolume(reference_point)

    def of(values: torch.Tensor) -> float:
        front = values[is_non_dominated(values)]
        return volume.compute(front[(front > reference_point).all(1)])

    expected = [of(torch.cat([Y, point.unsqueeze(0)])) - of(Y) for point in points]
    assert _hypervolume_gains(points, Y, reference_point).tolist() == pytest.approx(expected)


def test_botorch_searches_a_space_too_large_to_list() -> None:
    space = CellSpace(nodes=6, operations=OPERATIONS)
    sampler = OneHotBoTorch(space, seed=0, initial=3, shortlist=32)
    study = _search(space, sampler, 5, directions=["maximize", "minimize"])
    assert space.size > 50_000
    assert all(space.is_valid(params) for params in _params(study))


def test_botorchs_fit_leaves_the_global_random_state_alone(space: CellSpace) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    _search(space, OneHotBoTorch(space, seed=0, initial=3), 5)
    assert torch.equal(torch.rand(3), expected)


def test_an_invalid_proposal_is_replaced() -> None:
    class Forbidden(RandomSampler):
        def sample_independent(self, *args: Any) -> Any:
            return 2  # three times: a sum of 6

    space = Numbers()
    sampler = RejectInvalid(space, lambda seed: Forbidden(seed=seed), seed=0)
    params = _params(_search(space, sampler, 5, evaluate=lambda params: [_total(params)]))
    assert all(space.is_valid(p) for p in params)
    assert len({tuple(p.values()) for p in params}) > 1


def test_a_parameter_outside_the_space_is_drawn_by_the_sampler(space: CellSpace) -> None:
    for name in ("tpe", "local-search"):
        study = optuna.create_study(sampler=METHODS[name].make(space, 0))
        trials = [study.ask({**space.distributions}) for _ in range(2)]
        rates = [trial.suggest_float("rate", 0.0, 1.0) for trial in trials]
        assert rates[0] != rates[1]
