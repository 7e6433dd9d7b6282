"""A search as a method of a comparison: what it reads of the evaluation."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
from comparisons import ONE

from bonas.benchmarks.baselines import METHODS
from bonas.benchmarks.baselines.search_settings import SearchSettings
from bonas.benchmarks.tables.scores import RecordedScores
from bonas.errors import InvalidArgument
from bonas.spaces import NASBench201
from bonas.studies import SuccessiveHalving
from bonas.studies.search import Search
from bonas.surrogates import fit_graph_gp


def test_settings_reach_the_search_and_its_sampler() -> None:
    settings = SearchSettings({"surrogate": "gp", "stopping": "halving", "n_initial": 3})
    search = settings.search(ONE.space, ONE.evaluate, ONE.objectives)
    assert (search.surrogate, search.evaluator) == ("gp", ONE.evaluate)
    assert isinstance(search.rule, SuccessiveHalving)
    sampler = settings.sampler(search, 7)
    assert (sampler.seed, sampler._proposer.n_initial) == (7, 3)


def test_where_evaluations_are_looked_up_only_declared_scores_are_read() -> None:
    space = NASBench201(nodes=3)  # builds networks, so that scores could be computed

    def search(settings: dict[str, object], *, is_looked_up: bool) -> Search:
        made = SearchSettings(settings)
        return made.search(space, ONE.evaluate, ONE.objectives, is_looked_up=is_looked_up)

    assert search({}, is_looked_up=False).zero_cost is True
    assert search({}, is_looked_up=True).zero_cost is False
    assert search({"zero_cost": False}, is_looked_up=False).zero_cost is False
    table = replace(ONE, scores=RecordedScores(("zen",), ONE.truth[:, :1]))
    made = SearchSettings({})
    scored = made.search(table.space, table.evaluate, table.objectives, is_looked_up=True)
    assert scored.zero_cost is True


def test_a_maker_survives_being_sent_to_another_process() -> None:
    settings = SearchSettings({"surrogate": fit_graph_gp, "encoder": ["one_hot"]})
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_objects_are_described_by_their_names() -> None:
    given = {"surrogate": fit_graph_gp, "encoder": ["one_hot"], "n_initial": 2, "stopping": None}
    described = SearchSettings({**given, "source_tasks": ()}).describe()
    assert described == {**given, "surrogate": "fit_graph_gp", "source_tasks": []}
    rule = SearchSettings({"stopping": SuccessiveHalving()}).describe()
    assert rule == {"stopping": "SuccessiveHalving"}


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"unknown settings \['seed', 'space'\]"):
        SearchSettings({"seed": 1, "space": None})


def test_methods_of_bonas_differ_in_their_settings() -> None:
    own = [m.make for m in METHODS.values() if m.name.split("-")[0] == "bonas"]
    assert all(isinstance(make, SearchSettings) for make in own)
    assert all(own.count(make) == 1 for make in own)
