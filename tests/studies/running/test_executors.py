"""Workers on engines: a Dask cluster of processes, and submitit's own processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import bonas
from bonas.evaluation import Candidate
from bonas.spaces import NASBench201
from bonas.studies import outcomes

SPACE = NASBench201(channels=4, cells=1, stages=1)


def evaluate(candidate: Candidate) -> dict[str, float]:
    """Return values that take no time, and the process that found them."""
    size = sum(SPACE.costs(candidate.choices).values())
    return {"accuracy": 50.0 + 1e-4 * size, "latency": 1e-5 * size, "pid": float(os.getpid())}


def searched(executor: Any, storage: str) -> bonas.SearchResult:
    """Return the result of two workers on an engine."""
    return bonas.optimize(
        SPACE,
        8,
        evaluate=evaluate,
        objectives={"accuracy": "maximize", "latency": "minimize"},
        surrogate="random",
        storage=storage,
        n_jobs=2,
        executor=executor,
        progress=False,
        seed=0,
    )


def check(found: bonas.SearchResult) -> None:
    """Check that all was evaluated, once, and in other processes."""
    done = [trial for trial in found.study.trials if outcomes.counts(trial)]
    assert len(done) == 8
    assert len({SPACE.architecture(trial.params).key for trial in done}) == 8
    assert os.getpid() not in {trial.user_attrs["pid"] for trial in done}


# a cluster says good-bye in its own ways
@pytest.mark.filterwarnings("default")
def test_a_dask_cluster_does_the_work(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="bonas[dask] is not installed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        check(searched(client.get_executor(), str(tmp_path / "a.log")))


@pytest.mark.filterwarnings("default")
def test_submitit_does_the_work(tmp_path: Path) -> None:
    submitit = pytest.importorskip("submitit", reason="submitit is not installed")
    executor = submitit.AutoExecutor(folder=tmp_path / "jobs", cluster="local")
    executor.update_parameters(timeout_min=5)
    check(searched(executor, str(tmp_path / "a.log")))
