"""An isolated evaluation is the same search, and whatever it does to its process stays there."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from tqdm import tqdm

import bonas
from bonas.errors import BonasError, InvalidArgument
from bonas.evaluation import Candidate, Measurement, ShortTraining, Stages
from bonas.evaluation.failure import Failed
from bonas.evaluation.isolation.isolated import Isolated
from bonas.studies.outcomes import failure_of
from tests.candidates import candidate
from tests.small_searches import SPACE

ONE = candidate(torch.nn.Identity)
GOAL: Any = {"loss": "minimize"}


def _searched(evaluate: Any, budget: int = 4, **more: Any) -> bonas.SearchResult:
    goals = None if isinstance(evaluate, ShortTraining) else GOAL
    settings = {"seed": 1, "progress": False, "surrogate": "random", "objectives": goals, **more}
    return bonas.optimize(SPACE, budget, evaluate=evaluate, **settings)


def _numbers(found: bonas.SearchResult) -> list[object]:
    """Return all of a search but its processes, times and files."""
    own = {"bonas:worker", "bonas:weights", "seconds"}
    found_of = []
    for trial in found.study.trials:
        noted = {name: value for name, value in trial.user_attrs.items() if name not in own}
        found_of.append((trial.state, trial.values, trial.params, noted))
    return found_of


def _random(candidate: Candidate) -> Iterator[Measurement]:
    """Use all that an evaluation may use of its trial and of the process."""
    trial: Any = candidate.trial
    rate = trial.suggest_float("rate", 0, 1)
    trial.set_user_attr("rate squared", rate**2)
    for step in range(1, 4):
        yield Measurement({"loss": rate / step}, step=step, fidelity=step / 3)
    if candidate.number == 1:
        raise optuna.TrialPruned
    if len(trial.study.get_trials(deepcopy=False)) == 4:
        trial.study.stop()
    noise = random.random() + float(torch.rand(())) + float(np.random.rand())  # noqa: NPY002
    yield Measurement({"loss": rate + noise, "other": torch.tensor(3)})


def test_a_search_is_the_same_with_isolation_and_without() -> None:
    found = []
    for isolation in (None, "process"):
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002 - what an evaluation of a user may draw from
        torch.manual_seed(1)
        found.append(_numbers(_searched(_random, 6, isolation=isolation)))
    assert found[0] == found[1]
    assert len(found[0]) == 4


@pytest.mark.parametrize("more", [{}, {"stopping": "halving"}])
def test_a_short_training_gives_the_same_bits(tmp_path: Path, more: dict[str, Any]) -> None:
    training = ShortTraining(epochs=2, keep_weights=tmp_path / "weights", inherit=True)
    runs = [
        _searched(training, 3, isolation=each, storage=str(tmp_path / f"{each}.log"), **more)
        for each in (None, "process")
    ]
    assert _numbers(runs[0]) == _numbers(runs[1])
    curves = [run.candidates[0].curve("train_loss") for run in runs]
    assert (curves[0].steps, curves[0].values) == (curves[1].steps, curves[1].values)
    assert runs[1].candidates[0].trained() is not None
    assert not runs[1].failures


def test_declarations_are_those_of_the_evaluator() -> None:
    own = Stages([ShortTraining(epochs=1)])
    isolated = Isolated(own)
    assert (isolated.objectives, isolated.describe()) == (own.objectives, own.describe())
    assert isolated.cost == own.cost
    assert isolated.evaluators == own.evaluators


def test_a_function_of_another_function_is_isolated() -> None:
    added = 2.5
    isolated = Isolated(lambda candidate: {"loss": added})
    assert isolated(ONE) == {"loss": 2.5}
    isolated.close()
    assert isolated(ONE) == {"loss": 2.5}
    isolated.close()


def _with_a_bar(_: Candidate) -> dict[str, float]:
    """Use a progress bar, as torch does while it exports; return 1 if its lock has a name."""
    with tqdm(total=1, disable=False, file=io.StringIO()) as bar:
        bar.update()
    return {"loss": float(hasattr(tqdm.get_lock(), "mp_lock"))}


def test_progress_bars_leave_no_named_semaphore_behind() -> None:
    isolated = Isolated(_with_a_bar)
    assert isolated(ONE) == {"loss": 0.0}
    isolated.close()


def test_an_error_of_a_call_is_the_error_itself() -> None:
    study = optuna.create_study()
    trial = study.ask()

    def refused(candidate: Candidate) -> dict[str, float]:
        live: Any = candidate.trial
        live.set_user_attr("other", 1)
        live.report("high", 1)
        return {"loss": 1.0}

    own = Candidate(ONE.space, ONE.choices, trial)
    with pytest.raises(TypeError, match="supposed to be a float"):
        Isolated(refused)(own)
    assert study.trials[0].user_attrs == {"other": 1}


def test_a_stream_that_is_closed_runs_its_end(tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    def stream(candidate: Candidate) -> Iterator[Measurement]:
        try:
            for step in range(1, 100):
                yield Measurement({"loss": 1.0}, step=step)
        finally:
            mark.write_text(str(step))

    running = Isolated(stream).measurements(ONE)
    assert [next(running).step, next(running).step] == [1, 2]
    running.close()
    assert mark.read_text() == "2"


def test_an_interrupt_kills_the_child(tmp_path: Path) -> None:
    place = tmp_path / "pid"

    def endless(candidate: Candidate) -> dict[str, float]:
        place.write_text(str(os.getpid()))
        os.kill(os.getppid(), 0)
        while True:
            time.sleep(1)

    isolated = Isolated(endless)
    isolated.start(ONE.space)
    before = signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    try:
        with pytest.raises(KeyboardInterrupt):
            isolated(ONE)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    deadline = time.monotonic() + 30
    while place.exists() and Path(f"/proc/{place.read_text()}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_killed_search_leaves_no_process(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, sys, time, torch
            from tests.candidates import candidate
            from bonas.evaluation.isolation.isolated import Isolated

            def endless(candidate):
                print(os.getpid(), flush=True)
                time.sleep(1000)

            if __name__ == "__main__":
                Isolated(endless)(candidate(torch.nn.Identity))
            """
        )
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.kill()
    for _ in range(200):
        if not Path(f"/proc/{child}").exists():
            return
        time.sleep(0.05)
    raise AssertionError(f"the process {child} lives on")


def test_a_server_that_is_killed_is_replaced() -> None:
    def kills(candidate: Candidate) -> dict[str, float]:
        if not candidate.number:
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        return {"loss": 1.0}

    isolated = Isolated(kills)
    with pytest.raises(Failed) as caught:
        isolated(ONE)
    assert caught.value.failure.kind == "crash"
    assert isolated(candidate(torch.nn.Identity, 1))["loss"] == 1.0


def test_a_work_that_starts_threads_is_not_forked() -> None:
    assert Isolated(_Threaded())(ONE) == {"loss": 2.0}


class _Threaded:
    def __call__(self, candidate: Candidate) -> dict[str, float]:
        return {"loss": 2.0}

    def __setstate__(self, state: object) -> None:
        import threading

        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()

    def __getstate__(self) -> object:
        return {"any": 1}


def test_a_worker_that_died_makes_the_next_ones_isolated(tmp_path: Path) -> None:
    def ends_once_more(candidate: Candidate) -> dict[str, float]:
        if candidate.number == 1:
            os._exit(9)
        return {"loss": 1.0}

    found = _searched(ends_once_more, 3, n_jobs=2, storage=str(tmp_path / "a.log"))
    assert (found.missing, list(found.failures)) == (0, [1])
    failed = [failure_of(trial) for trial in found.study.trials]
    assert [(each.kind, each.phase) for each in failed if each] == [("crash", "ends_once_more")]
    assert "1 failed (1 crash)" in str(found)
    assert "exit status 9" in str(found.failures)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"time_limit": 0}, "seconds"),
        ({"time_limit": "1h"}, "seconds"),
        ({"memory_limit": 4}, "bytes"),
        ({"memory_limit": -1.0}, "bytes"),
        ({"isolation": "thread"}, '"process"'),
        ({"isolation": None, "time_limit": 3}, "time_limit"),
    ],
)
def test_what_cannot_work_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        _searched(_random, **arguments)


def test_what_cannot_be_sent_is_refused_where_isolation_is_asked_for() -> None:
    generator = (x for x in ())

    def unsendable(candidate: Candidate) -> dict[str, float]:
        return {"loss": float(next(generator, 1.0))}

    with pytest.raises(BonasError, match="isolation=None"):
        _searched(unsendable, isolation="process")
