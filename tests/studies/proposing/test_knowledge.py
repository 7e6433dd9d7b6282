"""Knowledge: how well it ranks measured networks is said, and what misleads is dropped."""

from __future__ import annotations

import logging
from collections.abc import Callable
from zlib import crc32

import numpy as np
import optuna
import pytest
from scipy.stats import spearmanr

from bonas import ArchitectureSampler
from bonas.evaluation import ACCURACY
from bonas.spaces import Choices, NASBench201
from bonas.studies import SourceTask
from bonas.studies.proposing.knowledge import Agreement, clearly_misleads
from bonas.studies.study import open_study

SPACE = NASBench201()
_RANKS = np.arange(10.0)


def _size(choices: Choices) -> float:
    return float(np.log(SPACE.costs(choices)["parameters"]))


def _known(name: str, value: Callable[[Choices], float], n: int = 60) -> SourceTask:
    rng = np.random.default_rng(5)
    rows = [(c, {"accuracy": value(c)}) for c in (SPACE.sample(rng) for _ in range(n))]
    return SourceTask.of_rows(name, rows, {"accuracy": "maximize"})


def _noise(choices: Choices) -> float:
    """Return a number that only equal choices share."""
    text = str(sorted(choices.items()))
    return float(np.random.default_rng(crc32(text.encode())).standard_normal())


def _searched(
    *sources: SourceTask, n: int = 12, seed: int = 0
) -> tuple[ArchitectureSampler, optuna.Study]:
    """Search for the largest cell, which its size alone ranks."""
    sampler = ArchitectureSampler(
        SPACE, surrogate="gp", source_tasks=sources, zero_cost=False, seed=seed
    )
    study = open_study(None, None, (ACCURACY,), {}, sampler)
    for _ in range(n):
        trial = study.ask(SPACE.distributions)
        study.tell(trial, _size(trial.params))
    return sampler, study


def _read(sampler: ArchitectureSampler) -> list[str]:
    kept = sampler._proposer.knowledge._kept
    return [] if kept is None else [each.known.task for each in kept.columns]


def test_knowledge_that_parameters_beat_beyond_chance_misleads() -> None:
    shuffled = _RANKS[[4, 9, 2, 0, 7, 5, 1, 8, 3, 6]]
    found = Agreement.of(shuffled, _RANKS, _RANKS)
    assert found.parameters == pytest.approx(1.0)
    assert abs(found.knowledge) < 0.3
    assert clearly_misleads(found)


def test_reversed_knowledge_does_not_mislead_since_its_sign_is_learnt() -> None:
    found = Agreement.of(-_RANKS, _RANKS[[4, 9, 2, 0, 7, 5, 1, 8, 3, 6]], _RANKS)
    assert found.knowledge == pytest.approx(-1.0)
    assert not clearly_misleads(found)


def test_knowledge_that_ranks_well_is_kept_where_parameters_rank_perfectly() -> None:
    assert not clearly_misleads(
        Agreement.of(_RANKS[[1, 0, 2, 3, 5, 4, 6, 8, 7, 9]], _RANKS, _RANKS)
    )


def test_knowledge_that_says_as_much_as_parameters_is_kept() -> None:
    assert not clearly_misleads(Agreement.of(_RANKS**3, _RANKS, _RANKS))


@pytest.mark.parametrize("values", [_RANKS, np.zeros(10)])
def test_where_nothing_can_be_compared_nothing_is_dropped(values: np.ndarray) -> None:
    assert not clearly_misleads(Agreement.of(_RANKS, None, values))


def test_correlations_are_spearmans() -> None:
    rng = np.random.default_rng(0)
    x, c, y = rng.standard_normal((3, 10)).round(1)
    found = Agreement.of(x, c, y)
    assert found.knowledge == pytest.approx(spearmanr(x, y).statistic)
    assert found.parameters == pytest.approx(spearmanr(c, y).statistic)


def test_what_misleads_is_dropped_once_ten_networks_are_measured_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "bonas"):
        sampler, study = _searched(_known("noise", _noise), n=10)
        assert "it is dropped" not in caplog.text
        assert _read(sampler) == ["noise"]
        for _ in range(4):
            trial = study.ask(SPACE.distributions)
            study.tell(trial, _size(trial.params))
    assert caplog.text.count("it is dropped") == 1
    assert _read(sampler) == []


def test_what_is_kept_is_said_once_with_its_weight(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "bonas"):
        sampler, _ = _searched(_known("size", _size), n=14)
    assert caplog.text.count("'size' ranks the first 10 networks by 'accuracy'") == 1
    assert "in the surrogate it explains" in caplog.text
    assert _read(sampler) == ["size"]


def test_of_two_source_tasks_the_one_that_ranks_is_kept() -> None:
    sampler, _ = _searched(_known("noise", _noise), _known("size", _size), n=13, seed=2)
    assert _read(sampler) == ["size"]


def test_a_sampler_made_afresh_decides_alike() -> None:
    known = _known("noise", _noise)
    _, study = _searched(known, n=13)
    again = ArchitectureSampler(
        SPACE, surrogate="gp", source_tasks=[known], zero_cost=False, seed=0
    )
    other = open_study(None, None, (ACCURACY,), {}, again)
    other.add_trials(study.trials[:12])
    assert other.ask(SPACE.distributions).params == study.trials[12].params
