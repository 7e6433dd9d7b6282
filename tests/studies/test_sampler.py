"""What the sampler promises beyond Optuna's contract."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from botorch.utils.multi_objective.hypervolume import Hypervolume
from botorch.utils.multi_objective.pareto import is_non_dominated
from optuna.trial import TrialState

import bonas
from bonas.encoders import GNNEncoder, OneHot
from bonas.errors import InvalidArgument
from bonas.spaces import Architecture
from bonas.studies.proposing.search_space import is_exhausted
from bonas.studies.records import PREDICTION, PROPOSAL, Proposal
from bonas.surrogates import GraphGP, fit_gnn_ensemble, fit_graph_gp

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")


@pytest.fixture(scope="module")
def space() -> bonas.spaces.CellSpace:
    return bonas.spaces.CellSpace(nodes=3, operations=OPERATIONS)


@pytest.fixture(scope="module")
def gnn(space: bonas.spaces.CellSpace) -> GNNEncoder:
    """Pre-trained once for all tests."""
    return GNNEncoder(space, steps=50)


def _values(space: bonas.Space, params: dict[str, object]) -> list[float]:
    """Return a made-up accuracy and latency: convolutions help and cost."""
    labels = space.architecture({n: params[n] for n in space.parameters}).graph.labels  # type: ignore[misc]  # str
    three, one = labels.count("nor_conv_3x3"), labels.count("nor_conv_1x1")
    return [90.0 + 2.0 * three + one - 0.3 * three * one, 1.0 + 3.0 * three + one]


def _search(
    space: bonas.Space, sampler: bonas.ArchitectureSampler, n: int, objectives: int = 2
) -> optuna.Study:
    study = optuna.create_study(directions=["maximize", "minimize"][:objectives], sampler=sampler)
    for _ in range(n):
        trial = study.ask(dict(space.distributions))
        study.tell(trial, _values(space, trial.params)[:objectives])
    return study


@pytest.mark.parametrize("surrogate", ["mixture", "gp", "gnn", "random"])
def test_no_network_comes_twice_until_the_space_is_exhausted(
    space: bonas.spaces.CellSpace, gnn: GNNEncoder, surrogate: str
) -> None:
    assert space.members is not None
    n = len(space.members)
    sampler = bonas.ArchitectureSampler(
        space,
        surrogate=surrogate,
        encoder=["one_hot", "statistics", gnn],
        n_initial=n - 8,
        seed=0,
    )
    study = _search(space, sampler, n - 1)
    assert not is_exhausted(study, space)
    trial = study.ask(dict(space.distributions))
    study.tell(trial, _values(space, trial.params))
    keys = {space.architecture(t.params).key for t in study.trials}
    assert len(keys) == n
    assert is_exhausted(study, space)


def test_with_several_objectives_the_ends_of_the_space_come_first(
    space: bonas.spaces.CellSpace,
) -> None:
    """The smallest network first, then the one with most multiply-adds; with one they may not."""
    sampler = bonas.ArchitectureSampler(space, surrogate="gp", seed=0)
    study = _search(space, sampler, 3)
    assert space.members is not None
    work = {a.key: space.costs(a.choices)["multiply_adds"] for a in space.members}
    tried = [work[space.architecture(t.params).key] for t in study.trials]
    assert tried[0] == min(work.values())
    assert tried[1] == max(work.values())
    single = _search(space, bonas.ArchitectureSampler(space, surrogate="gp", seed=0), 3, 1)
    assert single.trials[0].params != study.trials[0].params


def test_an_exhausted_space_gives_a_repeat_with_a_warning(
    space: bonas.spaces.CellSpace, caplog: pytest.LogCaptureFixture
) -> None:
    assert space.members is not None
    sampler = bonas.ArchitectureSampler(space, surrogate="random", seed=0)
    study = _search(space, sampler, len(space.members))
    study.ask(dict(space.distributions))
    assert "every architecture of the space was proposed before" in caplog.text


def test_a_sampler_made_afresh_proposes_the_same(
    space: bonas.spaces.CellSpace, gnn: GNNEncoder
) -> None:
    def sampler() -> bonas.ArchitectureSampler:
        encoder = ["one_hot", "paths", "statistics", gnn]
        return bonas.ArchitectureSampler(space, encoder=encoder, n_initial=4, seed=3)

    through = _search(space, sampler(), 9)
    parts = _search(space, sampler(), 4)
    for _ in range(5):
        parts.sampler = sampler()
        trial = parts.ask(dict(space.distributions))
        parts.tell(trial, _values(space, trial.params))
    assert [t.params for t in parts.trials] == [t.params for t in through.trials]


@pytest.mark.parametrize("surrogate", ["mixture", "gp", "gnn", "forest"])
def test_a_sampler_that_grew_with_its_study_proposes_what_a_fresh_one_does(surrogate: str) -> None:
    """Across milestones, where hyper-parameters are kept and factors are extended."""
    space = bonas.spaces.CellSpace(nodes=4, operations=OPERATIONS[1:])
    through = _search(space, bonas.ArchitectureSampler(space, surrogate=surrogate, seed=1), 37)
    copied = optuna.create_study(directions=["maximize", "minimize"])
    copied.add_trials(through.trials[:34])
    for _ in range(3):
        copied.sampler = bonas.ArchitectureSampler(space, surrogate=surrogate, seed=1)
        trial = copied.ask(dict(space.distributions))
        copied.tell(trial, _values(space, trial.params))
    assert [t.params for t in copied.trials] == [t.params for t in through.trials]


def test_pending_trials_are_not_proposed_again(space: bonas.spaces.CellSpace) -> None:
    sampler = bonas.ArchitectureSampler(space, surrogate="gp", n_initial=4, seed=0)
    study = _search(space, sampler, 6)
    asked = [study.ask(dict(space.distributions)) for _ in range(5)]
    keys = {space.architecture(t.params).key for t in study.trials}
    assert len(keys) == 11
    assert all(t.state == TrialState.RUNNING for t in study.trials[6:])
    assert len(asked) == 5


def test_the_whole_proposal_is_stored_at_once(space: bonas.spaces.CellSpace) -> None:
    study = optuna.create_study(sampler=bonas.ArchitectureSampler(space, seed=0))
    trial = study.ask()
    first = next(iter(space.parameters))
    chosen = trial.suggest_categorical(first, OPERATIONS)
    stored = json.loads(study.trials[0].system_attrs[PROPOSAL.key])
    assert stored.keys() == set(space.parameters)
    assert stored[first] == chosen


@pytest.mark.slow
def test_it_finds_more_hypervolume_than_random_search() -> None:
    """Five paired seeds, all five won: chance would do that once in 32 times."""
    space = bonas.spaces.CellSpace(nodes=4, operations=OPERATIONS[1:])
    for seed in range(5):
        volumes = []
        for surrogate in ("gp", "random"):
            sampler = bonas.ArchitectureSampler(space, surrogate=surrogate, n_initial=8, seed=seed)
            volumes.append(_volume([t.values for t in _search(space, sampler, 25).trials]))
        assert volumes[0] > volumes[1]


def _volume(values: list[list[float]]) -> float:
    """Return the area that accuracy and latency dominate, over the point (85 %, 20 ms)."""
    points = torch.tensor(values, dtype=torch.float64) * torch.tensor([1.0, -1.0]).double()
    front = points[is_non_dominated(points)]
    return Hypervolume(torch.tensor([85.0, -20.0]).double()).compute(front)


def test_parameters_outside_the_space_are_searched_with_it(space: bonas.spaces.CellSpace) -> None:
    """The best rate, 1e-2, is found along with the best cell."""
    sampler = bonas.ArchitectureSampler(space, surrogate="gp", n_initial=8, seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for _ in range(32):
        trial = study.ask(dict(space.distributions))
        rate = trial.suggest_float("rate", 1e-5, 1.0, log=True)
        study.tell(trial, _values(space, trial.params)[0] - (np.log10(rate) + 2.0) ** 2)
    best = study.best_trial
    assert abs(np.log10(best.params["rate"]) + 2.0) < 0.3
    assert best.values[0] > 95.0
    proposal = json.loads(study.trials[-1].system_attrs[PROPOSAL.key])
    assert "rate" in proposal


def test_without_a_space_it_beats_random_search_on_a_smooth_function() -> None:
    def objective(trial: optuna.Trial) -> float:
        x, y = trial.suggest_float("x", -5, 5), trial.suggest_float("y", -5, 5)
        return (x - 1.3) ** 2 + (y + 2.1) ** 2

    own = optuna.create_study(sampler=bonas.ArchitectureSampler(n_initial=6, seed=0))
    own.optimize(objective, n_trials=25)
    assert own.best_value < 0.05  # random search: 25 draws come this near once in 60 times


@pytest.mark.parametrize(
    "surrogate",
    [fit_graph_gp, partial(fit_gnn_ensemble, hidden=8, steps=20)],
    ids=["function", "partial"],
)
def test_a_surrogate_may_be_an_object(space: bonas.spaces.CellSpace, surrogate: object) -> None:
    sampler = bonas.ArchitectureSampler(space, surrogate=surrogate, n_initial=3, seed=0)  # type: ignore[arg-type]  # both callable
    assert len(_search(space, sampler, 5).trials) == 5


@pytest.mark.parametrize("acquisition", ["noisy_improvement", "thompson"])
@pytest.mark.parametrize("objectives", [1, 2])
def test_every_acquisition_serves_one_and_several_objectives(
    space: bonas.spaces.CellSpace, acquisition: str, objectives: int
) -> None:
    sampler = bonas.ArchitectureSampler(
        space, surrogate="gp", acquisition=acquisition, n_initial=4, seed=0
    )
    assert len(_search(space, sampler, 8, objectives).trials) == 8


def test_a_reference_point_is_given_in_the_users_units(space: bonas.spaces.CellSpace) -> None:
    """With nothing slower than 4.5 ms of interest, only such networks are tried."""
    sampler = bonas.ArchitectureSampler(
        space, surrogate="gp", n_initial=8, reference_point=[80.0, 4.5], seed=0
    )
    study = _search(space, sampler, 11)
    assert all(t.values[1] <= 4.5 for t in study.trials[8:])


def test_a_fit_that_fails_falls_back_to_a_random_draw(
    space: bonas.spaces.CellSpace, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(train_X: object, train_Y: object, layout: object, seed: int) -> object:
        raise torch.linalg.LinAlgError("not positive definite")  # type: ignore[attr-defined]  # is exported

    sampler = bonas.ArchitectureSampler(space, surrogate=failing, n_initial=2, seed=0)  # type: ignore[arg-type]  # on purpose
    study = _search(space, sampler, 4)
    assert len({space.architecture(t.params).key for t in study.trials}) == 4
    assert "not positive definite" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"surrogate": "gpp"},
            "unknown surrogate 'gpp'; expected one of 'deep_kernel'",
        ),
        ({"surrogate": 3}, "surrogate must be one of"),
        ({"surrogate": GraphGP}, r"got the model class GraphGP; .* surrogate=fit_graph_gp"),
        ({"surrogate": partial(GraphGP, shape="rbf")}, "got the model class GraphGP"),
        ({"encoder": "wl"}, "unknown encoder 'wl'; expected one of"),
        ({"encoder": ["one_hot", 5]}, "expected the name of an encoder"),
        ({"surrogate": "mixture", "encoder": "paths"}, "reads the block 'gnn'"),
        ({"acquisition": "ucb"}, "unknown acquisition 'ucb'; expected one of"),
        ({"n_initial": 0}, "n_initial must be a whole number of at least 1"),
        ({"n_initial": 2.5}, "n_initial must be a whole number of at least 1"),
        ({"space": None, "surrogate": "gnn"}, "'gnn' reads graphs; give a space"),
        ({"space": {"a": [1, 2]}}, "space must be a bonas.Space"),
        ({"reference_point": [1.0, float("nan")]}, "reference_point"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_bad_arguments_are_explained(
    space: bonas.spaces.CellSpace, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        bonas.ArchitectureSampler(**{"space": space, **arguments})  # type: ignore[arg-type]  # on purpose


def test_a_reference_point_of_the_wrong_length_is_explained(space: bonas.spaces.CellSpace) -> None:
    sampler = bonas.ArchitectureSampler(
        space, surrogate="gp", n_initial=2, reference_point=[1.0], seed=0
    )
    with pytest.raises(InvalidArgument, match=r"reference_point has 1 value\(s\), the study 2"):
        _search(space, sampler, 4)


class Broken(OneHot):
    """Somebody's encoder, which fails."""

    name = "broken"

    def encode(self, architectures: Sequence[Architecture]) -> torch.Tensor:
        raise ZeroDivisionError("no such feature")


def unfit(train_X: object, train_Y: object, layout: object, seed: int) -> object:
    raise KeyError("somebody's surrogate")


@pytest.mark.parametrize("given", [{"encoder": Broken}, {"surrogate": unfit}])
def test_what_somebody_wrote_and_fails_costs_proposals_and_not_the_search(
    given: dict[str, Any], space: bonas.spaces.CellSpace, caplog: pytest.LogCaptureFixture
) -> None:
    if "encoder" in given:
        given = {"encoder": Broken(space), "surrogate": "gp"}
    sampler = bonas.ArchitectureSampler(space, n_initial=2, seed=0, **given)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for i in range(5):
        study.tell(study.ask(space.distributions), float(i))
    keys = {space.architecture(trial.params).key for trial in study.trials}
    assert len(keys) == 5
    assert caplog.text.count("no model for this proposal") == 1
    assert "Traceback" in caplog.text


# --- Optuna's interface, and nothing else


def test_a_sampler_has_the_interface_of_optuna_and_three_of_its_arguments(
    space: bonas.spaces.CellSpace,
) -> None:
    public = {name for name in dir(bonas.ArchitectureSampler(space)) if not name.startswith("_")}
    own = public - {name for name in dir(optuna.samplers.BaseSampler) if not name.startswith("_")}
    assert own == {"space", "seed", "measure_first"}


@pytest.mark.parametrize("surrogate", ["gp", "random"])
def test_a_plain_program_stores_the_proposal_and_nothing_of_workers(
    space: bonas.spaces.CellSpace, surrogate: str
) -> None:
    sampler = bonas.ArchitectureSampler(space, surrogate=surrogate, n_initial=2, seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)

    def objective(trial: optuna.Trial) -> float:
        return _values(space, space.suggest(trial))[0]

    study.optimize(objective, n_trials=4)
    assert study.user_attrs == {}
    assert all(trial.user_attrs == {} for trial in study.trials)
    names = {name for trial in study.trials for name in trial.system_attrs}
    assert names == ({PROPOSAL.key, PREDICTION.key} if surrogate == "gp" else {PROPOSAL.key})


def test_a_trial_that_optuna_hands_over_is_left_as_it_is(space: bonas.spaces.CellSpace) -> None:
    sampler = bonas.ArchitectureSampler(space, surrogate="random", seed=0)
    study = optuna.create_study(sampler=sampler)
    study.ask()
    trial = study.trials[0]
    before = copy.deepcopy(trial)
    found = sampler.infer_relative_search_space(study, trial)
    assert sampler.sample_relative(study, trial, found).keys() == space.parameters.keys()
    rate = optuna.distributions.FloatDistribution(0.0, 1.0)
    assert 0.0 <= sampler.sample_independent(study, trial, "rate", rate) <= 1.0
    sampler.before_trial(study, trial)
    assert trial == before
    assert trial.system_attrs == before.system_attrs == {}


def test_a_proposal_that_the_trial_has_is_used(space: bonas.spaces.CellSpace) -> None:
    sampler = bonas.ArchitectureSampler(space, surrogate="random", seed=0)
    study = optuna.create_study(sampler=sampler)
    trial = study.ask()
    assert space.members is not None
    choices = dict(space.members[-1].choices)
    Proposal(0, choices, None).settle(study, study.trials[0])
    assert space.suggest(trial) == choices


def test_a_whole_architecture_that_was_enqueued_needs_no_proposal(
    space: bonas.spaces.CellSpace,
) -> None:
    study = optuna.create_study(sampler=bonas.ArchitectureSampler(space, seed=0))
    assert space.members is not None
    choices = dict(space.members[-1].choices)
    study.enqueue_trial(choices)
    trial = study.ask()
    assert space.suggest(trial) == choices
    trial.suggest_float("rate", 0.0, 1.0)
    assert not PROPOSAL.is_in(study.trials[0])


def test_a_part_of_an_architecture_that_was_enqueued_is_completed(
    space: bonas.spaces.CellSpace,
) -> None:
    study = optuna.create_study(sampler=bonas.ArchitectureSampler(space, seed=0))
    name = next(iter(space.parameters))
    study.enqueue_trial({name: "nor_conv_1x1"})
    assert space.suggest(study.ask())[name] == "nor_conv_1x1"


def test_what_another_process_proposes_meanwhile_is_replaced(
    space: bonas.spaces.CellSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process stores the same network between this one's reading and its writing."""
    sampler = bonas.ArchitectureSampler(space, surrogate="random", seed=0)
    study = optuna.create_study(sampler=sampler)
    mine, other = study.ask(), study.ask()
    propose, raced = sampler._proposer.propose, []

    def slow(*arguments: Any) -> Any:
        found = propose(*arguments)
        if not raced:
            raced.append(found[0].point.params)
            Proposal(1, raced[0], None).settle(study, study.trials[other.number])
        return found

    monkeypatch.setattr(sampler._proposer, "propose", slow)
    assert space.suggest(mine) != raced[0]
    assert space.suggest(other) == raced[0]


def test_threads_of_one_sampler_propose_different_networks(space: bonas.spaces.CellSpace) -> None:
    sampler = bonas.ArchitectureSampler(space, surrogate="random", seed=0)
    study = optuna.create_study(sampler=sampler)
    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(lambda _: space.suggest(study.ask()), range(12)))
    assert len({space.architecture(choices).key for choices in asked}) == 12


def test_a_sampler_survives_pickling_and_proposes_the_same(space: bonas.spaces.CellSpace) -> None:
    sampler = bonas.ArchitectureSampler(space, surrogate="random", seed=5)
    sent = pickle.loads(pickle.dumps(sampler))
    found = [_search(space, each, 3) for each in (sampler, sent)]
    assert [t.params for t in found[0].trials] == [t.params for t in found[1].trials]


def test_a_fresh_seed_makes_other_proposals(space: bonas.spaces.CellSpace) -> None:
    sampler = bonas.ArchitectureSampler(space, surrogate="random", seed=5)
    sampler.reseed_rng()
    assert sampler.seed != 5
