"""Runs that are cut off, killed, refused or fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from comparisons import (
    GOALS,
    ONE,
    TWO,
    InOrder,
    Interrupting,
    ablated,
    evaluate,
    in_order,
    many_rows,
    quietly,
    recorded,
    storage_of,
)
from optuna import Study
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

import bonas
from bonas.benchmarks.comparison import load_comparison
from bonas.benchmarks.comparison.execution import is_finished, quiet
from bonas.benchmarks.comparison.run import ASK_SECONDS, ENDED, TRUTH
from bonas.benchmarks.tables import Table
from bonas.errors import (
    EvaluationFailed,
    StudyMismatch,
)
from bonas.evaluation import Candidate, Curve, Measurement, as_objectives
from bonas.evaluation.curve import measurements_of, partial_values
from bonas.spaces import Space
from bonas.studies.records import DESCRIPTION, ERROR
from bonas.studies.storages.opening import open_storage
from bonas.surrogates import fit_graph_gp


@pytest.mark.parametrize("method", ["random", "tpe", "nsga2", "bonas-random"])
@pytest.mark.parametrize("kind", ["memory", "journal", "sqlite"])
def test_a_run_that_was_cut_off_ends_as_if_it_had_not_been(
    method: str, kind: str, tmp_path: Path
) -> None:
    storage = open_storage(storage_of(kind, tmp_path))
    plain = _method(method)
    problem = many_rows()

    def interrupted(space: Space, seed: int) -> BaseSampler:
        return Interrupting(plain(space, seed), 27)  # in the middle of a generation

    with pytest.raises(KeyboardInterrupt):
        quietly({"m": interrupted}, [problem], 45, 1, storage=storage)
    assert len(recorded(storage, "many/m/0")) == 27
    resumed = quietly({"m": plain}, [problem], 45, 1, storage=storage)
    through = InMemoryStorage()
    whole = quietly({"m": plain}, [problem], 45, 1, storage=through)
    assert recorded(storage, "many/m/0") == recorded(through, "many/m/0")
    np.testing.assert_array_equal(resumed.array("gap", 25), whole.array("gap", 25))


def _method(name: str) -> Callable[[Space, int], BaseSampler]:
    if name == "bonas-random":
        return lambda space, seed: bonas.ArchitectureSampler(space, surrogate="random", seed=seed)
    return bonas.benchmarks.baselines.METHODS[name].make


def test_a_run_of_a_model_goes_on_too(tmp_path: Path) -> None:
    methods = {"gp": lambda s, seed: bonas.ArchitectureSampler(s, surrogate="gp", seed=seed)}
    storages = [tmp_path / "a.log", None]
    table = Table.of(
        {(i, j): {"accuracy": i * j % 7 + i / 10} for i in range(6) for j in range(6)},
        parameters=["i", "j"],
        objectives={"accuracy": "maximize"},
    )
    quietly(methods, [table], 12, 1, storage=storages[0])
    one, other = (quietly(methods, [table], 14, 1, storage=s) for s in storages)
    for key, run in one.runs.items():
        np.testing.assert_array_equal(run.values, other.runs[key].values)


SCRIPT = """
import sys, time, optuna
from bonas.benchmarks import compare
from bonas.benchmarks.tables import Table

class Slow(optuna.samplers.BaseSampler):
    def infer_relative_search_space(self, study, trial): return {}
    def sample_relative(self, study, trial, space): return {}
    def sample_independent(self, study, trial, name, distribution):
        print(trial.number, flush=True)
        time.sleep(float(sys.argv[2]))
        return distribution.choices[trial.number % len(distribution.choices)]

rows = {i: {"accuracy": float(-(i - 20) ** 2)} for i in range(40)}
table = Table.of(rows, parameters=["i"], objectives={"accuracy": "maximize"})
compare({"slow": lambda space, seed: Slow()}, [table], 12, 1, sys.argv[1], progress=False)
"""


def test_a_killed_comparison_loses_nothing_and_evaluates_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", SCRIPT, str(path)]
    first = subprocess.Popen([*command, "0.3"], stdout=subprocess.PIPE, text=True, env=environment)
    assert first.stdout is not None
    for line in first.stdout:
        if int(line) == 4:
            first.send_signal(signal.SIGKILL)  # while the sampler thinks: nothing is being written
            break
    first.wait()
    first.stdout.close()
    assert len(recorded(open_storage(path), "table/slow/0")) == 4
    done = subprocess.run(
        [*command, "0"], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(i) for i in range(4, 12)]
    assert [t[3]["i"] for t in recorded(open_storage(path), "table/slow/0")] == list(range(12))


def test_another_process_at_the_same_run_is_noticed() -> None:
    storage = InMemoryStorage()

    class Twice(InOrder):
        def sample_relative(self, study: Study, trial: FrozenTrial, search_space: Any) -> Any:
            if trial.number == 2 and self.seed == 0:
                run = optuna.load_study(study_name="one/m/0", storage=storage)
                run.add_trial(run.trials[0])
            return super().sample_relative(study, trial, search_space)

    with pytest.raises(StudyMismatch, match="another process is at the run 'one/m/0'"):
        quietly({"m": Twice}, [ONE], 5, 1, storage=storage)


def test_another_table_of_the_same_name_is_refused() -> None:
    storage = InMemoryStorage()
    in_order(ONE, 3, storage=storage)
    worse = Table("one", ONE.space, ONE.objectives, ONE.rows, ONE.truth - 1.0)
    with pytest.raises(StudyMismatch, match="its best was"):
        in_order(worse, 4, storage=storage)
    other = Table("one", ONE.space, ONE.objectives, ONE.rows, ONE.truth, signal="12_epochs")
    with pytest.raises(StudyMismatch, match="signal was 'truth', now '12_epochs'"):
        in_order(other, 4, storage=storage)
    quietly({"m": InOrder}, [other], 4, 1, storage=storage)
    with pytest.raises(StudyMismatch, match="cannot be compared: their signal are"):
        load_comparison(storage)


def test_a_variant_of_the_same_name_with_other_settings_is_refused() -> None:
    storage = InMemoryStorage()
    ablated({"gp": {"surrogate": fit_graph_gp, "n_initial": 3}}, budget=2, storage=storage)
    ablated({"gp": {"surrogate": fit_graph_gp, "n_initial": 3}}, budget=3, storage=storage)
    with pytest.raises(StudyMismatch, match=r"settings.n_initial was 3, now 4"):
        ablated({"gp": {"surrogate": fit_graph_gp, "n_initial": 4}}, budget=3, storage=storage)
    with pytest.raises(StudyMismatch, match=r"settings.surrogate was 'fit_graph_gp', now 'random'"):
        ablated({"gp": {"surrogate": "random", "n_initial": 3}}, budget=3, storage=storage)


def test_trials_keep_all_that_a_report_needs() -> None:
    storage = InMemoryStorage()
    in_order(TWO, 2, storage=storage)
    study = optuna.load_study(study_name="two/in order/0", storage=storage)
    description = DESCRIPTION.read(study) or {}
    about = {name: description[name] for name in ("problem", "method", "seed", "signal")}
    assert about == {"problem": "two", "method": "in order", "seed": 0, "signal": "truth"}
    settings = study.user_attrs["bonas:run"]
    assert (settings["budget"], settings["best"], settings["worst"]) == (
        2,
        [90.0, 1.0],
        [50.0, 9.0],
    )
    assert settings["hypervolume"] == pytest.approx(0.4375)
    (first, _) = study.trials
    assert first.user_attrs[TRUTH] == (90.0, 9.0)
    assert first.user_attrs[ASK_SECONDS] > 0.0
    assert study.metric_names == ["accuracy", "latency"]


def test_a_failed_evaluation_is_kept_and_counts() -> None:
    def failing(candidate: Candidate) -> dict[str, float]:
        if candidate.choices["width"] == 2:
            raise MemoryError("too wide")
        return evaluate(candidate)

    storage = InMemoryStorage()
    found = ablated({"m": InOrder}, evaluate=failing, seeds=1, budget=5, storage=storage)
    (run,) = found.runs.values()
    assert (len(run), run.failed) == (5, 2)
    assert np.isnan(run.values[2:4]).all()
    study = optuna.load_study(study_name="Widths/m/0", storage=storage)
    states = [trial.state for trial in study.trials]
    assert states.count(TrialState.FAIL) == 2
    assert "too wide" in str(ERROR.read(study.trials[2]))


def test_finished_runs_are_not_run_again_and_interrupted_evaluations_are(tmp_path: Path) -> None:
    calls: list[int] = []
    crash = [True]

    def counted(candidate: Candidate) -> dict[str, float]:
        if crash[0] and len(calls) == 6:
            raise KeyboardInterrupt
        calls.append(candidate.number)
        return evaluate(candidate)

    arguments: dict[str, Any] = {"evaluate": counted, "storage": tmp_path / "a.log"}
    variants = {"a": "random", "b": InOrder}
    with pytest.raises(KeyboardInterrupt):
        ablated(variants, **arguments)
    crash[0] = False
    ablated(variants, **arguments)
    assert calls == [0, 1, 2, 3] * 4
    ablated(variants, **arguments)
    assert len(calls) == 16
    ablated(variants, budget=5, **arguments)
    assert calls[16:] == [4] * 4


def test_a_space_that_was_evaluated_as_a_whole_ends_the_run() -> None:
    found = ablated({"random": "random"}, budget=50)
    assert [len(run) for run in found.runs.values()] == [6, 6]
    assert found.array("gap", 50).tolist() == [[[0.0, 0.0]]]


def test_an_evaluation_that_always_fails_stops_the_comparison() -> None:
    def broken(candidate: Candidate) -> dict[str, float]:
        raise RuntimeError("the disk is full")

    with pytest.raises(EvaluationFailed, match=r"5 evaluations in a row .* the disk is full"):
        ablated({"random": "random"}, evaluate=broken, budget=9)


def test_what_an_evaluation_measured_before_it_failed_is_kept() -> None:
    class Half:
        """A stream whose second part fails for wide networks."""

        objectives = as_objectives(GOALS)

        def __call__(self, candidate: Candidate) -> Iterator[Measurement]:
            found = evaluate(candidate)
            yield Measurement({"latency": found["latency"]})
            if candidate.choices["width"] == 4:
                raise MemoryError("too wide")
            yield Measurement({"accuracy": found["accuracy"]})

    storage = InMemoryStorage()
    ablated({"m": InOrder}, evaluate=Half(), seeds=1, budget=6, storage=storage)
    study = optuna.load_study(study_name="Widths/m/0", storage=storage)
    failed = [trial for trial in study.trials if trial.state == TrialState.FAIL]
    assert [trial.params["width"] for trial in failed] == [4, 4]
    assert [trial.user_attrs["latency"] for trial in failed] == [4.0, 8.0]
    assert [partial_values(trial, ["latency"]) for trial in failed] == [[4.0], [8.0]]


def test_pruned_evaluations_count_and_stop_no_run() -> None:
    def pruned(candidate: Candidate) -> dict[str, float]:
        raise optuna.TrialPruned

    found = ablated({"m": InOrder}, evaluate=pruned, seeds=1, budget=6)
    (run,) = found.runs.values()
    assert (len(run), run.failed) == (6, 6)


def test_a_run_is_finished_at_its_budget_or_when_it_ended() -> None:
    assert is_finished({}, 5, 5)
    assert not is_finished({}, 4, 5)
    assert is_finished({ENDED: True}, 1, 5)


def test_log_messages_of_optuna_are_silenced_for_the_block_alone() -> None:
    before = optuna.logging.get_verbosity()

    def interrupted() -> None:
        with quiet():
            assert optuna.logging.get_verbosity() == optuna.logging.WARNING
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert optuna.logging.get_verbosity() == before


def test_the_curves_of_a_run_are_stored_with_it() -> None:
    class Trained:
        """Three epochs; the accuracy is the last one's."""

        objectives = as_objectives({"accuracy": "maximize"})

        def __call__(self, candidate: Candidate) -> Iterator[Measurement]:
            for epoch in (1, 2, 3):
                yield Measurement({"accuracy": 10.0 * epoch + candidate.number}, step=epoch)

    storage = InMemoryStorage()
    arguments = {"evaluate": Trained(), "objectives": None, "storage": storage}
    found = ablated({"m": InOrder}, seeds=1, budget=2, **arguments)
    (run,) = found.runs.values()
    assert run.values.ravel().tolist() == [30.0, 31.0]
    study = optuna.load_study(study_name="Widths/m/0", storage=storage)
    curves = [Curve.of(measurements_of(trial), "accuracy").values for trial in study.trials]
    assert curves == [(10.0, 20.0, 30.0), (11.0, 21.0, 31.0)]
