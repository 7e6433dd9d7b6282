"""The parts of a proposal: parameters, warps, tables, acquisition, pool, belief, history."""

from __future__ import annotations

import math

import numpy as np
import optuna
import pytest
import torch
from botorch.utils.multi_objective.hypervolume import Hypervolume
from botorch.utils.multi_objective.pareto import is_non_dominated
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState
from torch import Tensor
from torch.distributions import Normal

from bonas.encoders import Layout
from bonas.evaluation import as_objectives
from bonas.spaces import ArchitectureGraph, CellSpace, Choices, Space
from bonas.studies.proposing.acquisition import noisy_improvement, screening
from bonas.studies.proposing.candidates import Pool
from bonas.studies.proposing.observations import History
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.point import Point
from bonas.studies.proposing.posterior import fit_posteriors
from bonas.studies.proposing.recommender import Proposer, _may_matter
from bonas.studies.records import ERROR
from bonas.studies.study import open_study
from bonas.surrogates import fit_graph_gp
from bonas.surrogates.outcome_transform import OutcomeTransform, choose_form, fit_outcome_transform

DISTRIBUTIONS: dict[str, BaseDistribution] = {
    "rate": FloatDistribution(1e-4, 1e-1, log=True),
    "dropout": FloatDistribution(0.0, 0.5),
    "grid": FloatDistribution(-1.0, 1.0, step=0.25),
    "depth": IntDistribution(1, 9, step=2),
    "batch": IntDistribution(8, 512, log=True),
    "norm": CategoricalDistribution(["batch", "layer", None]),
}


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.01, 0.3, 2.0]))
def test_drawn_and_perturbed_values_belong_to_their_distributions(seed: int, scale: float) -> None:
    parameters = Parameters(DISTRIBUTIONS)
    rng = np.random.default_rng(seed)
    values = parameters.sample(rng)
    for drawn in (values, parameters.perturbed(values, scale, rng)):
        assert list(drawn) == list(DISTRIBUTIONS)
        for name, distribution in DISTRIBUTIONS.items():
            assert distribution._contains(distribution.to_internal_repr(drawn[name]))
        assert isinstance(drawn["depth"], int)
        assert isinstance(drawn["rate"], float)


def test_every_value_of_a_grid_is_equally_likely() -> None:
    """Within five standard errors; the ends are not drawn half as often."""
    parameters = Parameters({"depth": DISTRIBUTIONS["depth"]})
    rng = np.random.default_rng(0)
    n = 5_000
    drawn = [parameters.sample(rng)["depth"] for _ in range(n)]
    for value in (1, 3, 5, 7, 9):
        assert abs(drawn.count(value) / n - 0.2) < 5 * math.sqrt(0.2 * 0.8 / n)


def test_features_of_numbers_are_uniform_with_variance_one() -> None:
    parameters = Parameters({"rate": DISTRIBUTIONS["rate"]})
    # the middle of the logarithms is half the width, and the width is the root of 12
    assert parameters.features({"rate": 1e-4}) == pytest.approx([0.0])
    assert parameters.features({"rate": math.sqrt(1e-5)}) == pytest.approx([math.sqrt(3)])
    assert parameters.features({"rate": 1e-1}) == pytest.approx([math.sqrt(12)])


def test_features_of_categories_are_one_hot() -> None:
    parameters = Parameters({"norm": DISTRIBUTIONS["norm"]})
    assert parameters.features({"norm": None}) == [0.0, 0.0, 1.0]
    assert parameters.widths == {"norm": 3}


@given(st.lists(st.floats(-1e3, -1e-3), min_size=1, max_size=30))
def test_values_go_through_their_logarithm_and_back(values: list[float]) -> None:
    Y = torch.tensor(values, dtype=torch.float64)
    warp = fit_outcome_transform(Y, "logarithmic")
    back = warp.untransform(warp.transform(Y))
    assert bool((back >= Y - 1e-9 * Y.abs()).all())  # the worst may be raised
    best = Y.argmax()
    assert float(back[best]) == pytest.approx(float(Y[best]))


def test_costs_beside_other_objectives_are_logarithmic_and_one_objective_is_regret() -> None:
    latency, accuracy = torch.tensor([-3.0, -0.5]), torch.tensor([90.0, 0.0])
    assert choose_form(latency, alone=False) == "logarithmic"
    assert choose_form(accuracy, alone=False) == choose_form(-accuracy, alone=False) == "plain"
    assert choose_form(latency, alone=True) == choose_form(accuracy, alone=True) == "regret"


def test_regret_stretches_what_lies_near_the_best_value() -> None:
    # best 94, median 90: the ceiling is 94 + 4 / 2 = 96; quartile 89: the floor is 89 - 1.5
    Y = torch.tensor([10.0, 89.0, 90.0, 93.0, 94.0], dtype=torch.float64)
    warp = fit_outcome_transform(Y, "regret")
    assert warp.ceiling == pytest.approx(96.0)
    expected = [-math.log(96 - y) for y in (87.5, 89.0, 90.0, 93.0, 94.0)]
    assert warp.transform(Y).tolist() == pytest.approx(expected)
    assert warp.untransform(warp.transform(Y)).tolist() == pytest.approx([87.5, *Y.tolist()[1:]])


def test_equal_values_have_no_regret_to_stretch() -> None:
    Y = torch.full((4,), 3.0, dtype=torch.float64)
    assert fit_outcome_transform(Y, "regret").transform(Y).tolist() == Y.tolist()


def test_very_bad_values_are_raised_to_the_floor() -> None:
    # quartile 70.75, median 91.5: the floor is 70.75 - 1.5 * 20.75 = 39.625
    Y = torch.tensor([10.0, 91.0, 92.0, 93.0], dtype=torch.float64)
    warp = fit_outcome_transform(Y, "plain")
    assert warp.floor == pytest.approx(39.625)
    assert warp.transform(Y).tolist() == pytest.approx([warp.floor, 91.0, 92.0, 93.0])


def test_a_cost_has_no_floor() -> None:
    """The slowest networks are an end of the front; a floor would hide how slow they are."""
    Y = -torch.tensor([1.0, 1.1, 1.2, 1_000.0], dtype=torch.float64)
    warp = fit_outcome_transform(Y, "logarithmic")
    torch.testing.assert_close(warp.untransform(warp.transform(Y)), Y)


def test_the_upper_half_of_a_warped_normal_has_the_quantiles_of_its_samples() -> None:
    """The median and the 84 % quantile, within five standard errors of a quantile."""
    warp = OutcomeTransform(ceiling=0.0, floor=-math.inf)
    mean, variance = torch.tensor([-1.0]).double(), torch.tensor([0.25]).double()
    n = 100_000
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal(n))
    samples = warp.untransform(mean + variance.sqrt() * noise)
    median, upper = warp.untransform_marginals(mean, variance)
    share = float(Normal(0.0, 1.0).cdf(torch.tensor(1.0)))
    for value, level in ((median, 0.5), (median + upper.sqrt(), share)):
        below = float((samples <= value).double().mean())
        assert abs(below - level) < 5 * math.sqrt(level * (1 - level) / n)


def _closed_form_improvement(mean: Tensor, sd: Tensor, best: float) -> Tensor:
    z = (mean - best) / sd
    normal = Normal(torch.zeros_like(z), 1.0)
    return sd * (z * normal.cdf(z) + normal.log_prob(z).exp())


@pytest.mark.parametrize("m", [1, 2])
def test_a_batch_is_chosen_one_after_the_other(m: int) -> None:
    """Of two candidates that are alike in every draw the second brings nothing."""
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn(64, 7, m, dtype=torch.float64, generator=generator)
    worst, known, below = draws.amin() - 1.0, 2, torch.full((m,), -9.0).double()
    draws[:, :known] = worst
    draws[:, 6] = draws[:, 4]
    proposer = Proposer(noisy_improvement)
    picks = list(proposer._one_by_one(draws, known, below, 9))
    assert sorted(picks) == [0, 1, 2, 3, 4]
    assert {2, 4} & {picks[-1]}
    gains = [_mean_hypervolume(draws[:, [known + i for i in picks[:k]]], below) for k in range(6)]
    for k in range(4):  # no other candidate would have added more
        others = [[*picks[:k], i] for i in range(5) if i not in picks[:k]]
        best = max(_mean_hypervolume(draws[:, [known + i for i in o]], below) for o in others)
        assert gains[k + 1] == pytest.approx(best)


def _mean_hypervolume(draws: torch.Tensor, below: torch.Tensor) -> float:
    if not draws.shape[1]:
        return 0.0
    if draws.shape[2] == 1:
        return float((draws.amax(1) - below).mean())
    return float(np.mean([Hypervolume(below).compute(_front(each)) for each in draws]))


def _front(values: torch.Tensor) -> torch.Tensor:
    return values[is_non_dominated(values)]


def test_screening_one_objective_is_the_log_of_expected_improvement() -> None:
    mean = torch.linspace(-1, 2, 9, dtype=torch.float64).unsqueeze(1)
    variance = torch.linspace(0.1, 1.5, 9, dtype=torch.float64).unsqueeze(1)
    known = torch.tensor([[0.3], [-2.0]], dtype=torch.float64)
    scores = screening(mean, variance, known, torch.zeros(1).double())
    expected = _closed_form_improvement(mean, variance.sqrt(), 0.3).log().squeeze(1)
    torch.testing.assert_close(scores, expected)


def test_screening_two_objectives_is_the_expected_hypervolume_improvement() -> None:
    """Against sampling, within five standard errors."""
    known = torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
    reference_point = torch.tensor([-1.0, -1.0], dtype=torch.float64)
    mean = torch.tensor([[0.5, 0.5], [1.2, -0.5]], dtype=torch.float64)
    variance = torch.tensor([[0.2, 0.3], [0.05, 0.4]], dtype=torch.float64)
    scores = screening(mean, variance, known, reference_point)
    hypervolume = Hypervolume(reference_point)
    before = hypervolume.compute(known)
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal((2_000, 2, 2)))
    samples = mean + variance.sqrt() * noise
    for i in range(2):
        gains = torch.tensor([_volume(hypervolume, known, s) - before for s in samples[:, i]])
        error = float(gains.std()) / math.sqrt(len(gains))
        assert abs(float(gains.mean()) - float(scores[i])) < 5 * error


def _volume(hypervolume: Hypervolume, known: Tensor, point: Tensor) -> float:
    together = torch.cat([known, point.unsqueeze(0)])
    dominated = [bool(((together >= p).all(1) & (together > p).any(1)).any()) for p in together]
    return hypervolume.compute(together[[not d for d in dominated]])


def test_the_acquisition_agrees_with_sampling_for_one_objective() -> None:
    rng = np.random.default_rng(0)
    draws = torch.from_numpy(rng.standard_normal((512, 12, 1)))
    scores = noisy_improvement(draws, 4, torch.zeros(1).double())
    best = draws[:, :4, 0].max(1, keepdim=True).values
    expected = (draws[:, 4:, 0] - best).clamp_min(0.0).mean(0)
    assert scores.shape == (8,)
    torch.testing.assert_close(scores.exp(), expected, rtol=0.05, atol=0.01)
    assert int(scores.argmax()) == int(expected.argmax())


def test_pending_points_lower_what_their_twins_promise() -> None:
    """A candidate that behaves just like a pending point has nothing left to add."""
    rng = np.random.default_rng(1)
    draws = torch.from_numpy(rng.standard_normal((256, 6, 2)))
    draws[:, 3] = draws[:, 2]  # candidate 3 is the twin of known point 2
    scores = noisy_improvement(draws, 3, torch.tensor([-4.0, -4.0]).double())
    assert int(scores.argmin()) == 0
    assert float(scores[0]) < 0.01 * float(scores[1:].min())


def test_known_points_matter_that_a_little_luck_brings_to_the_front() -> None:
    """At most 64 or the front, those first that need least: checked by trying the luck out."""
    rng = np.random.default_rng(3)
    mean = torch.from_numpy(rng.standard_normal((300, 2)))
    variance = torch.from_numpy(rng.uniform(0.01, 0.09, (300, 2)))
    front = is_non_dominated(mean)
    kept = _may_matter(mean, variance, front)

    def reaches(i: int, luck: float) -> bool:
        value = mean[i] + luck * variance[i].sqrt()
        return not bool((mean[front] > value).all(1).any())

    assert set(front.nonzero().flatten().tolist()) <= set(kept.tolist())
    assert int(front.sum()) < len(kept) <= 64
    assert all(reaches(i, 2.0 + 1e-9) for i in kept.tolist())
    tried = np.arange(0, 6, 0.01)
    needed = [next((c for c in tried if reaches(i, c)), math.inf) for i in range(300)]
    left_out = [needed[i] for i in range(300) if i not in kept.tolist()]
    assert max(needed[i] for i in kept.tolist()) <= min(left_out) + 0.011


class _Large(Space):
    """4^12 architectures: too many to list."""

    parameters = {f"layer{i}": ["a", "b", "c", "d"] for i in range(12)}  # noqa: RUF012 # as users write it

    def graph(self, choices: Choices) -> ArchitectureGraph:
        labels = ["input", *map(str, choices.values()), "output"]
        return ArchitectureGraph(labels, [(i, i + 1) for i in range(len(labels) - 1)])


def test_a_small_space_is_searched_whole_and_without_what_is_spent() -> None:
    space = CellSpace(nodes=3)
    pool = Pool(space, Parameters({}))
    assert space.members is not None
    everything = [Point(a, {}) for a in space.members]
    spent = frozenset(p.key for p in everything[:-3])

    def score(points: list[Point]) -> Tensor:
        return torch.arange(len(points), dtype=torch.float64)

    found = pool.candidates([], spent, score, 10, np.random.default_rng(0))
    assert [p.key for p in found] == [p.key for p in everything[:-4:-1]]
    drawn = pool.draw(np.random.default_rng(0), spent)
    assert drawn is not None
    assert drawn.key in {p.key for p in everything[-3:]}
    assert pool.draw(np.random.default_rng(0), frozenset(p.key for p in everything)) is None


def test_local_search_climbs_to_the_top_of_a_large_space() -> None:
    """One of 4^12 architectures is the best, and single changes lead to it."""
    space = _Large()
    target = {name: "abcd"[i % 4] for i, name in enumerate(space.parameters)}

    def score(points: list[Point]) -> Tensor:
        hits = [
            sum(p.architecture.choices[n] == v for n, v in target.items())
            for p in points
            if p.architecture is not None
        ]
        return torch.tensor(hits, dtype=torch.float64)

    pool = Pool(space, Parameters({"rate": DISTRIBUTIONS["rate"]}))
    found = pool.candidates([], frozenset(), score, 20, np.random.default_rng(0))
    assert len(found) == 20
    assert len({p.key for p in found}) == 20
    assert found[0].architecture is not None
    assert dict(found[0].architecture.choices) == target


def test_numbers_outside_the_space_are_searched_too() -> None:
    pool = Pool(None, Parameters({"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(-5, 5)}))

    def score(points: list[Point]) -> Tensor:
        return torch.tensor(
            [-((p.values["x"] - 0.3) ** 2) - ((p.values["y"] - 2.0) / 10) ** 2 for p in points]
        ).double()

    best = pool.candidates([], frozenset(), score, 5, np.random.default_rng(0))[0]
    assert best.values["x"] == pytest.approx(0.3, abs=0.03)
    assert best.values["y"] == pytest.approx(2.0, abs=0.3)


def test_a_history_tells_finished_pending_and_failed_apart() -> None:
    space = CellSpace(nodes=2)
    operations = list(space.operations)[1:]
    study = optuna.create_study(directions=["maximize", "minimize"])
    distributions: dict[str, BaseDistribution] = {**space.distributions}

    def add(operation: str, state: TrialState, **more: object) -> None:
        values = [90.0, 2.0] if state == TrialState.COMPLETE else None
        study.add_trial(
            optuna.create_trial(
                params={"edge_0_1": operation},
                distributions=distributions,
                values=values,
                state=state,
                **more,  # type: ignore[arg-type]  # passed through
            )
        )

    add(operations[0], TrialState.COMPLETE)
    add(operations[1], TrialState.RUNNING)
    add(operations[2], TrialState.FAIL, user_attrs=ERROR.holding("Traceback ..."))
    add(operations[3], TrialState.FAIL)  # abandoned: may come again
    history = History.of(study, space, Parameters({}), asking=-1)
    assert [p.params["edge_0_1"] for p in history.finished] == [operations[0]]
    assert history.values.tolist() == [[90.0, -2.0]]
    assert [p.params["edge_0_1"] for p in history.pending] == [operations[1]]
    keys = [space.architecture({"edge_0_1": o}).key for o in operations]
    assert history.spent == {(key,) for key in keys[:3]}


def test_trials_with_infinite_values_teach_nothing() -> None:
    study = optuna.create_study()
    study.add_trial(
        optuna.create_trial(
            params={"x": 0.5}, distributions={"x": FloatDistribution(0, 1)}, value=math.inf
        )
    )
    history = History.of(study, None, Parameters({"x": FloatDistribution(0, 1)}), asking=-1)
    assert history.finished == []
    assert history.spent == {(("x", 0.5),)}


def test_the_noise_that_an_evaluation_reports_is_read_with_its_value() -> None:
    objectives = as_objectives({"accuracy": "maximize", "latency": "minimize"})
    study = open_study(None, None, objectives, {}, optuna.samplers.RandomSampler())
    space = CellSpace(nodes=2)
    for attributes in ({"accuracy_sd": 0.5}, {"latency_sd": 2}, {"accuracy_sd": "?"}, {}):
        trial = study.ask(dict(space.distributions))
        for name, value in attributes.items():
            trial.set_user_attr(name, value)
        study.tell(trial, [90.0, 3.0])
    history = History.of(study, space, Parameters({}), asking=-1)
    found = history.noise.nan_to_num(-1.0)
    assert found.tolist() == [[0.25, -1.0], [-1.0, 4.0], [-1.0, -1.0], [-1.0, -1.0]]


def test_a_noisy_value_moves_the_belief_less() -> None:
    rng = np.random.default_rng(0)
    X = torch.from_numpy(rng.standard_normal((12, 2)))
    layout = Layout({"block": slice(0, 2)}, {})
    Y = torch.stack([90.0 + X[:, 0], -torch.exp(X[:, 1])], dim=1)
    Y[0, 0] = 80.0  # an outlier
    noise = torch.full_like(Y, torch.nan)
    sure, _ = fit_posteriors(fit_graph_gp, X, Y, layout, 0, noise=noise).predict(X)
    noise[0, 0] = 100.0
    unsure, _ = fit_posteriors(fit_graph_gp, X, Y, layout, 0, noise=noise).predict(X)
    assert float(unsure[0, 0]) > float(sure[0, 0]) + 1.0
