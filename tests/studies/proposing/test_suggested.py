"""Candidates of a source: tried first, remembered, judged by the model as all others."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from small_searches import SPACE, cheap

import bonas
from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate
from bonas.gradient_search.policy import Policy
from bonas.spaces import Choices, DARTSSpace
from bonas.studies import ArchitectureSampler, CandidateSource
from bonas.studies.proposing.candidate_source import GivenChoices, checked_candidates
from bonas.studies.proposing.candidates import CandidatePool
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.point import Point
from bonas.studies.proposing.suggested import Suggested, source_of
from bonas.studies.records import CANDIDATES, PROPOSED_BY, Proposal

ONE = {"accuracy": "maximize"}
TWO = {"accuracy": "maximize", "latency": "minimize"}


def cells(n: int, seed: int = 7) -> list[Choices]:
    """Different random cells."""
    rng, found = np.random.default_rng(seed), {}
    while len(found) < n:
        architecture = SPACE.architecture(SPACE.sample(rng))
        found[architecture.key] = dict(architecture.choices)
    return list(found.values())


class Counted:
    """A source that counts how often it is asked, and answers by the seed."""

    name = "counted"

    def __init__(self, choices: Sequence[Any] = ()) -> None:
        self.asked: list[tuple[int, int]] = []
        self.choices = choices

    def candidates(self, n: int, seed: int) -> Sequence[Any]:
        self.asked.append((n, seed))
        return self.choices or cells(n, seed)

    def describe(self) -> dict[str, Any]:
        return {"counted": len(self.choices)}


def search(budget: int = 8, objectives: Any = ONE, **more: Any) -> bonas.SearchResult:
    settings = {"evaluate": cheap, "seed": 3, "progress": False, **more}
    return bonas.optimize(SPACE, budget, objectives=objectives, **settings)


def params(result: bonas.SearchResult) -> list[dict[str, Any]]:
    return [trial.params for trial in result.study.trials]


def test_every_second_initial_proposal_is_a_candidate() -> None:
    given = cells(4)
    result = search(7, candidates=given)
    assert params(result)[::2] == given
    assert result.proposed_by == {0: "given", 2: "given", 4: "given", 6: "given"}


def test_the_smallest_and_the_largest_network_come_before_candidates() -> None:
    given = cells(2)
    with_candidates, without = search(5, TWO, candidates=given), search(5, TWO)
    assert params(with_candidates)[:2] == params(without)[:2]
    assert params(with_candidates)[2:5:2] == given
    assert params(with_candidates)[3] == params(without)[3]


def test_a_source_is_asked_once_and_what_it_said_is_stored() -> None:
    storage, source = optuna.storages.InMemoryStorage(), Counted()
    search(2, candidates=source, storage=storage)
    assert source.asked == [(64, 3)]
    result = search(5, candidates=source, storage=storage, seed=9)  # the study keeps its own seed
    assert source.asked == [(64, 3)]
    assert params(result)[::2] == cells(64, 3)[:3]


@pytest.mark.parametrize("resumed_with", [None, "source"])
def test_a_resumed_search_proposes_what_the_whole_one_does(resumed_with: str | None) -> None:
    whole = search(14, candidates=Counted(), surrogate="gp")
    storage = optuna.storages.InMemoryStorage()
    for budget in (3, 9, 12, 14):
        source = Counted() if budget == 3 or resumed_with else None
        result = search(budget, candidates=source, surrogate="gp", storage=storage)
    assert params(result) == params(whole)
    assert result.proposed_by == whole.proposed_by


def test_a_further_source_adds_its_candidates() -> None:
    storage, first, second = optuna.storages.InMemoryStorage(), cells(1, 1), cells(2, 2)
    search(1, candidates=first, storage=storage)
    result = search(6, candidates=second, storage=storage)
    assert params(result)[0:5:2] == [*first, *second]


@pytest.mark.slow
def test_workers_try_each_candidate_once() -> None:
    given = cells(3)
    result = search(6, candidates=given, n_jobs=2)
    tried = [t.params for t in result.study.trials if PROPOSED_BY.read(t)]
    assert sorted(map(json.dumps, tried)) == sorted(map(json.dumps, given))


def test_a_candidate_that_was_tried_is_not_tried_again() -> None:
    given = cells(2)
    result = search(5, candidates=[given[0], given[0], given[1]])
    assert params(result)[0:3:2] == given
    assert result.proposed_by == {0: "given", 2: "given"}


INVALID: list[tuple[str, Any, str]] = [
    ("an unknown option", {**cells(1)[0], "edge_0_1": "conv_9x9"}, "must be one of"),
    ("a missing parameter", {"edge_0_1": "none"}, "missing"),
    ("not allowed", dict.fromkeys(SPACE.parameters, "none"), "does not allow"),
    ("no mapping", 5, "expected a mapping"),
]


@pytest.mark.parametrize(("choices", "why"), [x[1:] for x in INVALID], ids=[x[0] for x in INVALID])
def test_what_the_space_does_not_have_is_told_once_and_skipped(
    choices: Any, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    good = cells(1)[0]
    storage = optuna.storages.InMemoryStorage()
    with caplog.at_level(logging.WARNING):
        for budget in (1, 3):
            source = Counted([choices, good])
            result = search(budget, candidates=source, storage=storage)
    told = [r.getMessage() for r in caplog.records if "left out" in r.getMessage()]
    assert len(told) == 1
    assert "1 of 2 candidates of 'counted'" in told[0]
    assert why in told[0]
    assert params(result)[0] == good
    assert result.proposed_by == {0: "counted"}


def test_a_source_without_candidates_changes_nothing_but_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        result = search(4, candidates=[])
    assert params(result) == params(search(4))
    assert "0 of 0 candidates" in caplog.text


def test_stored_candidates_that_cannot_be_read_are_ignored() -> None:
    storage = optuna.storages.InMemoryStorage()
    result = search(1, candidates=cells(2), storage=storage)
    study = optuna.load_study(study_name=result.study.study_name, storage=storage)
    entries = CANDIDATES.read(study)
    assert entries
    CANDIDATES.write(study, {**entries, "other": {"source": "x", "key": "gone", "batches": 2}})
    assert params(search(3, storage=storage))[2] == cells(2)[1]


GIVEN: list[tuple[str, Any, str]] = [
    ("a number", 5, "expected candidates"),
    ("a text", "gdas", "expected candidates"),
    ("a class", GivenChoices, "expected candidates"),
    ("a list of numbers", [5], "mappings from parameter to option"),
    ("a source without a name", type("S", (Counted,), {"name": ""})(), "a source with a name"),
]


@pytest.mark.parametrize(("given", "why"), [x[1:] for x in GIVEN], ids=[x[0] for x in GIVEN])
def test_what_is_no_source_is_refused(given: Any, why: str) -> None:
    with pytest.raises(InvalidArgument, match=why):
        search(1, candidates=given)


def test_candidates_need_a_space() -> None:
    with pytest.raises(InvalidArgument, match="give a space"):
        ArchitectureSampler(None, candidates=cells(1))


def test_an_answer_that_is_no_list_is_refused() -> None:
    class Silent(Counted):
        def candidates(self, n: int, seed: int) -> Any:
            return None

    with pytest.raises(InvalidArgument, match=r"counted\.candidates"):
        search(1, candidates=Silent())


def test_the_sampler_alone_takes_candidates_too() -> None:
    given = cells(2)
    sampler = ArchitectureSampler(SPACE, candidates=given, seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(
        lambda trial: cheap(Candidate(SPACE, SPACE.suggest(trial), trial))["accuracy"], 3
    )
    assert [study.trials[i].params for i in (0, 2)] == given
    assert PROPOSED_BY.read(study.trials[2]) == "given"


def test_a_policy_is_a_source() -> None:
    policy = Policy(SPACE)
    assert isinstance(policy, CandidateSource)
    assert checked_candidates(policy) is policy
    with torch.no_grad():
        for logits in policy.logits.values():
            logits[3] += 3.0
    result = search(3, candidates=policy)
    assert params(result)[0] == policy.mode()
    assert result.proposed_by == {0: "policy", 2: "policy"}


def test_the_frame_tells_who_proposed() -> None:
    pytest.importorskip("pandas")
    frame = search(3, candidates=cells(1)).dataframe()
    assert frame["proposed_by"][0] == "given"
    assert frame["proposed_by"].isna().tolist() == [False, True, True]
    assert "proposed_by" not in search(1).dataframe()


def test_suggested_networks_join_the_pool_of_a_large_space() -> None:
    space = DARTSSpace(channels=4, cells=3)
    wanted = space.architecture(space.sample(np.random.default_rng(5)))
    pool = CandidatePool(space, Parameters({}), (wanted,))
    assert pool.all is None

    def score(points: Sequence[Point]) -> torch.Tensor:
        return torch.tensor([float(p.architecture == wanted) for p in points])

    best = pool.candidates([], frozenset(), score, 5, np.random.default_rng(0))[0]
    assert best.architecture == wanted
    assert source_of(best, pool, [Suggested(wanted, "gdas")]) == "gdas"
    again = pool.candidates([], frozenset([best.key]), score, 5, np.random.default_rng(0))
    assert all(point.architecture != wanted for point in again)


def test_the_source_of_a_proposal_is_offered_settled_and_withdrawn_with_it() -> None:
    study = optuna.create_study()
    study.ask()
    offer = Proposal(0, {"width": 8}, None, "gdas")
    offer.offer(study, study.trials[0])
    assert Proposal.offered(study.trials[0]) == offer
    offer.settle(study, study.trials[0])
    assert Proposal.of(study.trials[0]) == offer
    Proposal(0, {"width": 16}, None).settle(study, study.trials[0])
    assert Proposal.of(study.trials[0]) == Proposal(0, {"width": 16}, None)
