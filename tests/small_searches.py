"""A small space, evaluations that take no time, and searches of one worker, step by step."""

from __future__ import annotations

import os
from typing import Any

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from bonas.evaluation import Candidate
from bonas.optuna_internals import live
from bonas.spaces import NASBench201
from bonas.studies import ArchitectureSampler
from bonas.studies.lease import Worker
from bonas.studies.proposing.assembly import make_proposer
from bonas.studies.running import turns
from bonas.studies.running.proposal_server import ProposalServer

SPACE = NASBench201(channels=4, cells=1, stages=1)
NAMES = ["accuracy", "latency"]
GP = {"surrogate": "gp", "n_initial": 4}


def cheap(candidate: Candidate) -> dict[str, float]:
    """Return values that follow from the costs of a network."""
    costs = SPACE.costs(candidate.choices)
    size = sum(costs.values())
    return {"accuracy": 50.0 + 1e-4 * size, "latency": 1e-5 * size, "pid": float(os.getpid())}


def study_of(seed: int = 1, surrogate: str = "random", **more: Any) -> optuna.Study:
    """Return a new study of two objectives with a sampler over ``SPACE``."""
    sampler = ArchitectureSampler(SPACE, surrogate=surrogate, seed=seed)
    return optuna.create_study(directions=["maximize", "minimize"], sampler=sampler, **more)


def server_of(
    study: optuna.Study, worker: Worker | None = None, seed: int = 1, **more: Any
) -> ProposalServer:
    """Return a server of proposals for a worker, with a random surrogate unless ``more`` says."""
    proposer = make_proposer(SPACE, **{"surrogate": "random", **more})
    return ProposalServer(study, proposer, seed, worker or Worker.here(30.0))


def asked(study: optuna.Study) -> Trial:
    """Return a trial that a plain program asks for, with all parameters of the space."""
    trial = study.ask()
    SPACE.suggest(trial)
    return trial


def served(server: ProposalServer) -> Trial:
    """Return a trial of the server's worker, with all parameters of the space."""
    own = turns.begin(server.study, server.worker)
    server.settle(own)
    trial = live(server.study, own)
    SPACE.suggest(trial)
    return trial


def tell(study: optuna.Study, trial: Trial) -> None:
    """Measure a trial and store the objectives."""
    values = cheap(Candidate.of(SPACE, trial))
    study.tell(trial, [values[name] for name in NAMES])


def running(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that run."""
    return study.get_trials(states=(TrialState.RUNNING,))
