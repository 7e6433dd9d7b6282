"""Truth: the mean accuracy of several trainings of each network, which differ in their seed alone.

The rows for training and for validation are the same in all of them, as in a search.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from optuna.trial import FrozenTrial, TrialState, create_trial

from bonas.benchmarks.supernets.problems import Problem
from bonas.benchmarks.supernets.record import Record
from bonas.benchmarks.tables.scale import Array
from bonas.evaluation import Candidate, ShortTraining
from bonas.spaces import Choices

TRAINING = "training"


def opened(folder: Path, problem: Problem) -> Record:
    """Return the record of a problem."""
    described = {
        "space": {name: list(options) for name, options in problem.space.parameters.items()},
        "training": problem.training.describe(),
    }
    return Record(folder / f"{problem.name}.jsonl", described)


def trainings(problem: Problem, networks: Sequence[Choices], seeds: int, record: Record) -> Array:
    """Return accuracies after stand-alone trainings, ``networks x seeds``."""
    splits = problem.training.splits
    goal = problem.training.objectives[0].name
    found = np.empty((len(networks), seeds))
    for seed in range(seeds):
        training = problem.training.on(splits, seed=seed)
        for i, choices in enumerate(networks):
            candidate = Candidate(problem.space, choices, numbered(i))
            measure = partial(_value, training, candidate, goal)
            found[i, seed] = record.value(TRAINING, i, seed, measure)
    return found


def _value(training: ShortTraining, candidate: Candidate, goal: str) -> float:
    return training(candidate)[goal]


def numbered(number: int) -> FrozenTrial:
    """Return a trial of that number, which decides the training's seed."""
    trial = create_trial(state=TrialState.RUNNING)
    trial.number = number
    return trial
