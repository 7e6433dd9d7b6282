"""A search whose networks have zero-cost scores: what reads them, and what stays as it was."""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch

import bonas
from bonas.encoders import Layout
from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate, Objective, ScoreSource
from bonas.evaluation.zero_cost import ZeroCost
from bonas.result import SearchResult
from bonas.spaces import CellSpace, Choices, Space
from bonas.studies import ArchitectureSampler
from bonas.studies.proposing.assembly import make_proposer, score_source
from bonas.studies.proposing.presets import SURROGATES, WITH_SCORES
from bonas.studies.records import PREDICTION
from bonas.studies.search import Search
from bonas.surrogates import fit_graph_gp
from bonas.surrogates.graph_gp_fit import _default_terms

SPACE = CellSpace(nodes=4, operations=("none", "skip_connect", "nor_conv_3x3"))


def worth(choices: Choices) -> float:
    """Return a value that a network's place and number of convolutions decide."""
    return sum((i + 1) * (c == "nor_conv_3x3") for i, c in enumerate(choices.values()))


@dataclass(frozen=True)
class Known:
    """Scores that are free, and say much of the value or the contrary."""

    sign: float = 1.0
    names: tuple[str, ...] = ("synflow", "jacov")
    cost: float = 0.0

    def __call__(self, space: Space, choices: Choices) -> Mapping[str, float]:
        value = self.sign * worth(choices)
        found = math.exp(value), value + len(space.reference) % 2
        return dict(zip(self.names, found, strict=False))

    def describe(self) -> dict[str, Any]:
        return {"sign": self.sign}


@dataclass
class Paid:
    """The same scores from a source that does not say what they cost; it counts its calls."""

    names: tuple[str, ...] = Known.names
    calls: list[Choices] = field(default_factory=list)

    def __call__(self, space: Space, choices: Choices) -> Mapping[str, float]:
        self.calls.append(choices)
        return Known()(space, choices)

    def describe(self) -> dict[str, Any]:
        return {"scores": "of a formula"}


@dataclass(frozen=True)
class Scored:
    """An evaluator that brings its scores."""

    scores: ScoreSource | None = Known()
    objectives: tuple[Objective, ...] = (Objective("accuracy", "maximize"),)

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        return {"accuracy": worth(candidate.choices)}


def run(search: Search, trials: int, seed: int = 0) -> optuna.Study:
    """Search with a sampler that is made anew for each trial."""
    study = optuna.create_study(direction="maximize")
    for _ in range(trials):
        study.sampler = search.sampler(seed)
        trial = study.ask(SPACE.distributions)
        study.tell(trial, worth(trial.params))
    return study


def with_model(study: optuna.Study) -> list[int]:
    """Return the numbers of the trials that a model proposed."""
    return [t.number for t in study.trials if PREDICTION.read(t) is not None]


@pytest.fixture(scope="module")
def led() -> optuna.Study:
    return run(Search(SPACE, Scored(), surrogate="gp"), 7)


def test_a_model_that_reads_scores_takes_over_after_five_trials(led: optuna.Study) -> None:
    assert with_model(led) == [5, 6]


def test_a_sampler_made_once_proposes_what_samplers_made_anew_do(led: optuna.Study) -> None:
    sampler = Search(SPACE, Scored(), surrogate="gp").sampler(0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for _ in range(7):
        trial = study.ask(SPACE.distributions)
        study.tell(trial, worth(trial.params))
    assert [t.params for t in study.trials] == [t.params for t in led.trials]


def test_reversed_scores_leave_the_design_as_long_as_without_scores() -> None:
    study = run(Search(SPACE, Scored(Known(-1.0)), surrogate="gp"), 11)
    assert with_model(study) == [10]


def test_without_scores_the_proposals_are_the_same_whoever_declares_none() -> None:
    plain = run(Search(SPACE, Scored(None), surrogate="gp"), 12)
    off = run(Search(SPACE, Scored(), surrogate="gp", zero_cost=False), 12)
    assert [t.params for t in plain.trials] == [t.params for t in off.trials]
    assert with_model(plain) == [10, 11]


def test_an_initial_design_of_a_chosen_size_keeps_it() -> None:
    sampler = ArchitectureSampler(SPACE, surrogate="gp", n_initial=7, zero_cost=Known(), seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for _ in range(8):
        trial = study.ask(SPACE.distributions)
        study.tell(trial, worth(trial.params))
    assert with_model(study) == [7]


def test_a_sampler_with_scores_travels_to_another_process() -> None:
    sampler = Search(SPACE, Scored(), surrogate="gp").sampler(0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for _ in range(6):
        trial = study.ask(SPACE.distributions)
        study.tell(trial, worth(trial.params))
    study.sampler = pickle.loads(pickle.dumps(sampler))
    there = study.ask(SPACE.distributions)
    again = optuna.create_study(direction="maximize", sampler=sampler)
    again.add_trials(study.trials[:6])
    assert again.ask(SPACE.distributions).params == there.params


def test_a_resumed_search_computes_no_score_again(tmp_path: Path) -> None:
    source = Paid()

    def search(budget: int) -> SearchResult:
        return bonas.optimize(
            SPACE,
            budget,
            evaluate=lambda candidate: {"accuracy": worth(candidate.choices)},
            objectives={"accuracy": "maximize"},
            surrogate="gp",
            encoder=["one_hot", "zero_cost"],
            zero_cost=source,
            storage=str(tmp_path / "study.log"),
            seed=3,
            progress=False,
        )

    first = search(6)
    n = first.scored.networks
    assert n == len(source.calls) == min(300, len(SPACE.reference))
    assert with_model(first.study) == [5]
    resumed = search(8)
    assert len(source.calls) == n
    assert with_model(resumed.study) == [5, 6, 7]
    at_once = bonas.optimize(
        SPACE,
        8,
        evaluate=lambda candidate: {"accuracy": worth(candidate.choices)},
        objectives={"accuracy": "maximize"},
        surrogate="gp",
        encoder=["one_hot", "zero_cost"],
        zero_cost=Paid(),
        seed=3,
        progress=False,
    )
    assert [t.params for t in resumed.study.trials] == [t.params for t in at_once.study.trials]


def test_several_objectives_keep_their_initial_design() -> None:
    goals = {"accuracy": "maximize", "size": "minimize"}
    search = Search(SPACE, lambda candidate: {}, goals, surrogate="gp", zero_cost=Known())
    proposer = search.proposer()
    assert proposer._design(2, proposer.scoring.networks(optuna.create_study(), SPACE)) is None


def test_scores_come_from_the_evaluation_or_are_computed_of_what_a_space_builds() -> None:
    assert score_source(True, SPACE, Scored()) == Known()
    assert isinstance(score_source(True, SPACE), ZeroCost)
    assert score_source(True, SPACE, Scored(None)) is None  # a table's values are no networks'
    assert score_source(True, None) is None
    assert score_source(False, SPACE, Scored()) is None
    assert score_source(Known(-1.0), SPACE, Scored()) == Known(-1.0)


def test_surrogates_that_read_no_scores_have_nothing_scored() -> None:
    for name in ("wl", "gnn", "random", "deep_kernel", "forest"):
        assert make_proposer(SPACE, surrogate=name, zero_cost=Known()).scoring.source is None
    assert make_proposer(SPACE, encoder=["one_hot", "gnn"]).scoring.source is None
    assert make_proposer(SPACE, surrogate="gp", zero_cost=Known()).scoring.source == Known()


def test_the_encoder_can_be_asked_for_by_its_name() -> None:
    sampler = ArchitectureSampler(
        SPACE, surrogate="gp", encoder="zero_cost", zero_cost=Known(), n_initial=3, seed=0
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for _ in range(4):
        trial = study.ask(SPACE.distributions)
        study.tell(trial, worth(trial.params))
    assert with_model(study) == [3]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"zero_cost": "synflow"}, "source of zero-cost scores", id="a word"),
        pytest.param(
            {"zero_cost": False, "encoder": "zero_cost", "surrogate": "gp"},
            "there are none",
            id="the encoder without scores",
        ),
    ],
)
def test_scores_that_cannot_be_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        ArchitectureSampler(SPACE, **given)
    with pytest.raises(InvalidArgument, match=message):
        Search(SPACE, Scored(), **given).proposer()


def test_scores_without_a_space_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="give a space"):
        ArchitectureSampler(None, surrogate="gp", zero_cost=Known())


def test_a_mixture_with_scores_has_a_member_that_does_not_read_them() -> None:
    X = torch.rand(12, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    layout = Layout(
        {
            "statistics": slice(0, 1),
            "gnn": slice(1, 2),
            "zero_cost": slice(2, 3),
        },
        {},
    )
    for surrogate in (WITH_SCORES["mixture"].one, WITH_SCORES["mixture"].several):
        fitted: Any = surrogate(X, X[:, :1].sin(), layout)  # type: ignore[misc, call-arg]  # a partial
        blocks = [{block for block, _ in member.kernel.terms} for member in fitted.members]
        assert sum("zero_cost" in each for each in blocks) == len(blocks) - 1
        assert {"statistics"} in blocks


@pytest.mark.parametrize(
    ("given", "m", "expected"),
    [
        (None, 1, ["one_hot", "statistics", "gnn", "graf", "zero_cost"]),
        (None, 2, ["one_hot", "statistics", "gnn", "zero_cost"]),
        (["one_hot", "gnn", "zero_cost"], 1, ["one_hot", "gnn", "zero_cost"]),
    ],
)
def test_neural_graph_features_are_read_with_scores_for_one_objective(
    given: list[str] | None, m: int, expected: list[str]
) -> None:
    proposer = make_proposer(SPACE, encoder=given, zero_cost=Known())
    scores = proposer.scoring.networks(optuna.create_study(), SPACE)
    assert scores is not None
    blocks = proposer._encoders(scores, m)
    assert blocks is not None
    assert list(blocks.slices) == expected


@pytest.mark.parametrize("name", ["supernet", "score of ours"])
def test_neural_graph_features_come_with_scores_at_initialisation_alone(name: str) -> None:
    proposer = make_proposer(SPACE, zero_cost=Known(names=(name,)))
    scores = proposer.scoring.networks(optuna.create_study(), SPACE)
    assert scores is not None
    blocks = proposer._encoders(scores, 1)
    assert blocks is not None
    assert list(blocks.slices) == ["one_hot", "statistics", "gnn", "zero_cost"]


@pytest.mark.parametrize(("name", "leads"), [("supernet", True), ("score of ours", False)])
def test_the_score_of_a_supernet_leads_the_first_proposals(name: str, leads: bool) -> None:
    proposer = make_proposer(SPACE, zero_cost=Known(names=(name,)))
    scores = proposer.scoring.networks(optuna.create_study(), SPACE)
    assert (proposer._design(1, scores) is not None) is leads
    assert proposer._design(2, scores) is None


def test_presets_with_scores_are_of_surrogates_that_exist() -> None:
    assert WITH_SCORES.keys() < SURROGATES.keys()


def test_scores_have_one_smooth_term_of_their_own() -> None:
    layout = Layout({"statistics": slice(0, 1), "zero_cost": slice(1, 3)}, {})
    _, terms = _default_terms(layout, "matern12", embedding=False, trend=False)
    assert terms == [("statistics", "matern12"), ("zero_cost", "rbf")]
    _, terms = _default_terms(layout, "rbf", embedding=False, trend=False, scores=False)
    assert terms == [("statistics", "rbf")]
    alone = Layout({"zero_cost": slice(0, 2)}, {})
    _, terms = _default_terms(alone, "rbf", embedding=False, trend=False, scores=False)
    assert terms == [("zero_cost", "rbf")]  # a model of nothing could not be fitted


def test_a_term_over_scores_needs_them() -> None:
    X = torch.zeros(3, 1, dtype=torch.float64)
    with pytest.raises(InvalidArgument, match="no block 'zero_cost'"):
        fit_graph_gp(X, X, Layout({"one": slice(0, 1)}, {}), terms=[("zero_cost", "rbf")])
