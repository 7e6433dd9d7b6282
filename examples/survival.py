"""Stress tests of a search: killed workers, simultaneous starts, many workers, long studies.

    python examples/survival.py kill --storage sqlite:///kill.db
    python examples/survival.py rush --storage search.log
    python examples/survival.py away --storage postgresql://... --stop COMMAND --start COMMAND
    python examples/survival.py throughput
    python examples/survival.py throughput --workers 32 --seconds 20
    python examples/survival.py large --storage large.log

``large`` writes the trials when called first, and measures when called again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

import bonas
from bonas.evaluation import Candidate, Objective
from bonas.run import RunSettings, run
from bonas.spaces import MLPSpace, NASBench201, Space
from bonas.studies import open_study, outcomes
from bonas.studies.records import RELEASED, WORKER
from bonas.studies.running import trials
from bonas.studies.search import Search
from bonas.studies.storages.opening import open_storage

OBJECTIVES = {"accuracy": "maximize", "latency": "minimize"}
SPACE = MLPSpace(inputs=16, classes=10)


def measured(space: Space, candidate: Candidate) -> dict[str, float]:
    """Return made-up values that depend on the network."""
    costs = space.costs(candidate.choices)
    size = float(np.log(1.0 + sum(costs.values())))
    return {"accuracy": 60.0 + 3.0 * size - 0.2 * size**2, "latency": size**3}


def lasting(seconds: float, candidate: Candidate) -> dict[str, float]:
    """Sleep as long as a short training; return its values and the time waited for the trial."""
    started = candidate.trial.datetime_start
    assert started is not None
    waited = time.time() - started.timestamp()
    time.sleep(seconds)
    return {**measured(SPACE, candidate), "waited": waited}


def report(study: optuna.Study, budget: int, seconds: float) -> None:
    """Print what a study holds in the end."""
    known = study.get_trials(deepcopy=False)
    done = [trial for trial in known if outcomes.counts(trial)]
    keys = Counter(SPACE.architecture(trial.params).key for trial in done)
    print(
        f"  evaluated {len(done)} of {budget}, failed {sum(not t.values for t in done)}, "
        f"networks evaluated twice {sum(n > 1 for n in keys.values())}, "
        f"still running {sum(t.state == TrialState.RUNNING for t in known)}, "
        f"released {sum(RELEASED.is_in(t) for t in known)}, {seconds:.0f} s"
    )


def worker(storage: str, budget: int) -> None:
    """Search, as one of several processes that make the same call."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    search = Search(SPACE, partial(lasting, 0.5), OBJECTIVES, surrogate="gp")
    settings = RunSettings(
        storage=storage, study_name="kill", budget=budget, seed=0, progress=False
    )
    run(search, settings)


def start_worker(given: argparse.Namespace) -> BaseProcess:
    """Start a worker in its own process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bonas.run", "bonas.spaces"])
    process = context.Process(target=worker, args=(given.storage, given.budget))
    process.start()
    return process


def away(given: argparse.Namespace) -> None:
    """Stop the database server while workers search, and start it again."""
    started = time.perf_counter()
    processes = [start_worker(given) for _ in range(given.workers)]
    time.sleep(given.after)
    subprocess.run(given.stop, shell=True, check=True)
    time.sleep(given.seconds)
    subprocess.run(given.start, shell=True, check=True)
    back = datetime.now()
    for process in processes:
        process.join()
    study = optuna.load_study(study_name="kill", storage=open_storage(given.storage))
    ends = [t.datetime_complete for t in study.trials if t.datetime_complete]
    waited = min(end for end in ends if end > back) - back
    print(f"{given.workers} workers, the database away for {given.seconds:.0f} s:")
    print(f"  {sum(end < back for end in ends)} evaluations before; the next one ended ", end="")
    print(f"{waited.total_seconds():.1f} s after the server was back")
    report(study, given.budget, time.perf_counter() - started)


def kill(given: argparse.Namespace) -> None:
    """Kill random workers at random moments by SIGKILL, and restart them."""
    started, rng, kills = time.perf_counter(), random.Random(given.seed), 0
    processes = [start_worker(given) for _ in range(given.workers)]
    while any(process.is_alive() for process in processes):
        time.sleep(rng.expovariate(given.rate))
        i = rng.randrange(len(processes))
        pid = processes[i].pid
        if kills < given.kills and processes[i].is_alive() and pid is not None:
            os.kill(pid, signal.SIGKILL)
            processes[i].join()
            processes[i] = start_worker(given)
            kills += 1
    study = optuna.load_study(study_name="kill", storage=open_storage(given.storage))
    print(f"{given.workers} workers, {kills} kills, {given.storage.partition(':')[0]}:")
    report(study, given.budget, time.perf_counter() - started)


def logged(path: str, candidate: Candidate) -> dict[str, float]:
    """Evaluate, and log it to a file, whatever becomes of its trial."""
    key = SPACE.architecture(candidate.choices).key
    with open(path, "a") as file:
        file.write(f"{candidate.number} {key}\n")
    value = random.random()
    return {**measured(SPACE, candidate), "value": value}


def rusher(path: str, given: argparse.Namespace, name: str, start: Barrier) -> None:
    """Search, as one of many processes that make the same call at the same moment."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    search = Search(SPACE, partial(logged, path), OBJECTIVES, surrogate="random")
    start.wait()
    settings = RunSettings(
        storage=given.storage, study_name=name, budget=given.budget, seed=0, progress=False
    )
    run(search, settings)


def rush(given: argparse.Namespace) -> None:
    """Begin one study in many processes at once, again and again."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bonas.run", "bonas.spaces"])
    good = 0
    for number in range(given.runs):
        began = time.perf_counter()
        with tempfile.NamedTemporaryFile("r", suffix=".txt") as notes:
            start = context.Barrier(given.workers)
            arguments = notes.name, given, f"rush-{given.seed}-{number}", start
            processes = [
                context.Process(target=rusher, args=arguments) for _ in range(given.workers)
            ]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
            lines = notes.read().splitlines()
        study = optuna.load_study(study_name=arguments[2], storage=open_storage(given.storage))
        values = sum(bool(trial.values) for trial in study.get_trials(deepcopy=False))
        indices, keys = zip(*(line.split(" ", 1) for line in lines), strict=True)
        failed = sum(process.exitcode != 0 for process in processes)
        once = len(set(indices)) == len(set(keys)) == len(lines)
        good += (
            once
            and len(lines) == values == outcomes.evaluated(study) == given.budget
            and not failed
        )
        print(
            f"  run {number}: {len(lines)} evaluations, {len(set(keys))} networks, "
            f"{len(set(indices))} indices, {values} values stored, {failed} processes failed, "
            f"{time.perf_counter() - began:.0f} s",
            flush=True,
        )
    scheme = given.storage.partition(":")[0]
    print(f"{given.workers} processes at once, {scheme}: {good} of {given.runs} runs as promised")


def waits(done: Sequence[FrozenTrial]) -> str:
    """Return statistics of the time from the start of a trial to that of its evaluation."""
    waited = [trial.user_attrs["waited"] for trial in done]
    middle, most = np.percentile(waited, [50, 95])
    return f"ask: median {middle:.2f} s, 95th percentile {most:.2f} s"


def throughput(given: argparse.Namespace) -> None:
    """Measure the share of time that many processes spend in short evaluations."""
    started = time.perf_counter()
    result = bonas.optimize(
        SPACE,
        given.budget,
        evaluate=partial(lasting, given.seconds),
        objectives=OBJECTIVES,
        surrogate=given.surrogate,
        storage=given.storage,
        study_name="throughput",
        seed=0,
        n_jobs=given.workers,
        progress=False,
    )
    done = [trial for trial in result.study.trials if trial.state == TrialState.COMPLETE]
    whole, later = share(done, given.seconds), share(done[len(done) // 2 :], given.seconds)
    print(f"{given.workers} workers, {len(done)} evaluations of {given.seconds} s:")
    print(f"  {whole:.0%} of the time evaluating, {later:.0%} in the second half; {waits(done)}")
    report(result.study, given.budget, time.perf_counter() - started)


def share(done: Sequence[FrozenTrial], seconds: float) -> float:
    """Return the evaluating share of each worker's time between its first and last evaluation."""
    ends = defaultdict(list)
    for trial in done:
        assert trial.datetime_complete is not None
        ends[trial.user_attrs[WORKER.key]["name"]].append(trial.datetime_complete.timestamp())
    evaluating = seconds * sum(len(own) - 1 for own in ends.values())
    return evaluating / sum(max(own) - min(own) for own in ends.values())


def large(given: argparse.Namespace) -> None:
    """Measure a study of very many trials: time to open it and to ask, and memory."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = NASBench201(channels=4, cells=1, stages=1)
    search = Search(space, lambda c: measured(space, c), OBJECTIVES, surrogate=given.surrogate)
    goals = [Objective("accuracy", "maximize"), Objective("latency", "minimize")]
    sampler = search.sampler(0)
    study = open_study(given.storage, "large", goals, search.describe(), sampler)
    missing = given.trials - len(study.get_trials(deepcopy=False))
    if missing > 0:
        filled(study, space, missing)
        print(f"{missing} trials were written; call again to measure")
        return
    began = time.perf_counter()
    study = open_study(given.storage, "large", goals, search.describe(), sampler)
    n = len(study.get_trials(deepcopy=False))
    print(f"{n} trials in {given.storage.partition(':')[0]}, surrogate {given.surrogate}")
    print(f"  opened in {time.perf_counter() - began:.1f} s")
    for i in range(4):
        began, busy = time.perf_counter(), time.process_time()
        trial = study.ask()
        space.suggest(trial)
        seconds, busy = time.perf_counter() - began, time.process_time() - busy
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"  ask {i + 1}: {seconds:.1f} s ({busy:.1f} s of a core), {memory:.2f} GiB at most")
        values = measured(space, Candidate.of(space, trial))
        trials.complete(study, trial, values, list(OBJECTIVES))


def filled(study: optuna.Study, space: Space, n: int) -> None:
    """Add trials of random networks, with noise, so that all differ."""
    rng = np.random.default_rng(0)
    for _ in range(n):
        choices = space.sample(rng)
        size = float(np.log(1.0 + sum(space.costs(choices).values())))
        noise = rng.normal(size=2)
        study.add_trial(
            create_trial(
                values=[60.0 + size + noise[0], size**3 * np.exp(0.1 * noise[1])],
                params=dict(choices),
                distributions=dict(space.distributions),
            )
        )


def main() -> None:
    """Run one stress test."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    one = parts.add_parser("kill")
    one.add_argument("--kills", type=int, default=50)
    one.add_argument("--rate", type=float, default=2.0, help="kills per second")
    one.set_defaults(run=kill, workers=4, budget=60, storage="sqlite:///kill.db")
    four = parts.add_parser("away")
    four.add_argument("--stop", required=True, help="shell command")
    four.add_argument("--start", required=True)
    four.add_argument("--after", type=float, default=8.0, help="seconds")
    four.add_argument("--seconds", type=float, default=10.0, help="seconds without the server")
    four.set_defaults(run=away, workers=4, budget=60, storage="")
    two = parts.add_parser("throughput")
    two.add_argument("--seconds", type=float, default=2.0, help="seconds per evaluation")
    two.set_defaults(run=throughput, workers=8, budget=120, storage="throughput.log")
    three = parts.add_parser("large")
    three.add_argument("--trials", type=int, default=10_000)
    three.set_defaults(run=large, workers=1, budget=0, storage="large.log")
    five = parts.add_parser("rush")
    five.add_argument("--runs", type=int, default=20)
    five.set_defaults(run=rush, workers=16, budget=64, storage="rush.log")
    for part in (one, two, three, four, five):
        for name in ("workers", "budget"):
            part.add_argument(f"--{name}", type=int, default=part.get_default(name))
        part.add_argument("--storage", default=part.get_default("storage"))
        part.add_argument("--surrogate", default="mixture")
        part.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if "://" not in given.storage:
        Path(given.storage).resolve().parent.mkdir(parents=True, exist_ok=True)
    given.run(given)


if __name__ == "__main__":
    sys.exit(main())
