"""Methods side by side: measured by hand, cut off and gone on with, and bad input."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

import bonas
from bonas.benchmarks import Comparison, ablate, compare
from bonas.benchmarks.comparison import load_comparison
from bonas.benchmarks.comparison.run import ASK_SECONDS, TRUTH
from bonas.benchmarks.tables import Lookup, Table
from bonas.errors import (
    BonasError,
    EvaluationFailed,
    InvalidArgument,
    MissingBuilder,
    StorageUnavailable,
    StudyMismatch,
)
from bonas.evaluation import Candidate
from bonas.spaces import Space
from bonas.studies.records import ERROR, PREDICTION, WORKER
from bonas.studies.storages.opening import open_storage
from bonas.surrogates import fit_graph_gp

NAN = math.nan

# The best of eight widths is the fifth; 40 % lie between it and the worst.
ACCURACY = {1: 50.0, 2: 60.0, 3: 70.0, 4: 80.0, 5: 90.0, 6: 85.0, 7: 75.0, 8: 55.0}
ONE = Table.of(
    {width: {"accuracy": accuracy} for width, accuracy in ACCURACY.items()},
    parameters=["width"],
    objectives={"accuracy": "maximize"},
    name="one",
)

# Scaled, less is better: a (0, 1), b (1/4, 1/2), c (3/4, 1/4), d (1, 0), e (1, 1). The front is a
# to d; b alone dominates 3/4 * 1/2 = 0.375, c adds 1/4 * 1/4 = 0.0625, a and d lie on the edge.
TWO = Table.of(
    {
        "a": {"accuracy": 90.0, "latency": 9.0},
        "b": {"accuracy": 80.0, "latency": 5.0},
        "c": {"accuracy": 60.0, "latency": 3.0},
        "d": {"accuracy": 50.0, "latency": 1.0},
        "e": {"accuracy": 50.0, "latency": 9.0},
    },
    parameters=["op"],
    objectives={"accuracy": "maximize", "latency": "minimize"},
    name="two",
)


NAMESAKE = Table("one", TWO.space, TWO.objectives, TWO.rows, TWO.truth)


def many_rows(n: int = 200) -> Table:
    """Two parameters, two objectives, no two rows alike."""
    rng = np.random.default_rng(0)
    rows = {(i // 10, i % 10): dict(zip("xy", rng.random(2), strict=True)) for i in range(n)}
    return Table.of(
        rows, parameters=["p", "q"], objectives={"x": "maximize", "y": "minimize"}, name="many"
    )


class InOrder(BaseSampler):
    """Proposes the choices one after the other, from the ``seed``-th on; may state a prediction."""

    def __init__(
        self, space: Space, seed: int, prediction: Callable[[int], dict[str, Any]] | None = None
    ) -> None:
        self.all = list(space)
        self.seed = seed
        self.prediction = prediction
        self.distributions: dict[str, BaseDistribution] = {**space.distributions}

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return self.distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if self.prediction is not None:
            text = json.dumps(self.prediction(trial.number))
            study._storage.set_trial_system_attr(trial._trial_id, PREDICTION.key, text)
        return dict(self.all[(trial.number + self.seed) % len(self.all)])

    def sample_independent(self, *_: Any) -> Any:
        raise AssertionError("all parameters are proposed together")


class Interrupting(BaseSampler):
    """Another sampler, but Ctrl-C comes when a trial of that number is asked for."""

    def __init__(self, inner: BaseSampler, number: int) -> None:
        self.inner = inner
        self.number = number

    def infer_relative_search_space(self, *given: Any) -> Any:
        return self.inner.infer_relative_search_space(*given)

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: Any) -> Any:
        if trial.number == self.number:
            raise KeyboardInterrupt
        return self.inner.sample_relative(study, trial, search_space)

    def sample_independent(self, *given: Any) -> Any:
        return self.inner.sample_independent(*given)

    def before_trial(self, *given: Any) -> None:
        self.inner.before_trial(*given)

    def after_trial(self, *given: Any) -> None:
        self.inner.after_trial(*given)


def quietly(methods: Any, problems: Any, budget: Any, seeds: Any, **more: Any) -> Comparison:
    return compare(methods, problems, budget, seeds, **{"progress": False, **more})


def in_order(problem: Table, budget: int, seeds: Any = 1, **more: Any) -> Comparison:
    return quietly({"in order": InOrder}, [problem], budget, seeds, **more)


def recorded(storage: BaseStorage, name: str) -> list[tuple[Any, ...]]:
    """What a run did: all of its trials but for times, and for who ran it."""
    study = optuna.load_study(study_name=name, storage=storage)
    skip = {ASK_SECONDS, WORKER.key}
    return [
        (
            trial.number,
            trial.state,
            trial.values,
            trial.params,
            trial.distributions,
            {k: list(v) for k, v in trial.user_attrs.items() if k not in skip},
            {k: v for k, v in trial.system_attrs.items() if k != "bonas:study"},
        )
        for trial in study.trials
    ]


def test_one_objective_by_hand() -> None:
    # From the first width on: regrets 40, 30, 20, 10, 0, found by the fifth evaluation, where the
    # run ends. From the sixth on: 5, never less, in six evaluations.
    found = in_order(ONE, 6, seeds=[0, 5], checkpoints=(2, 4))
    assert [len(run) for run in found.runs.values()] == [5, 6]
    assert found.array("queries").tolist() == [[[5.0, 6.0]]]
    assert found.array("found").tolist() == [[[1.0, 0.0]]]
    assert found.keys("regret") == (2, 4, 6)
    assert [found.array("regret", at).ravel().tolist() for at in (2, 4, 6)] == [
        [30.0, 5.0],
        [10.0, 5.0],
        [0.0, 5.0],
    ]
    assert found.array("gap", 2).ravel().tolist() == pytest.approx([75.0, 12.5])
    assert found.array("until", 5.0).ravel().tolist() == [5.0, 6.0]
    assert found.array("reached", 5.0).ravel().tolist() == [1.0, 0.0]


def test_several_objectives_by_hand() -> None:
    # In the order a, b, c: of 0.4375 nothing, 0.375 and all are dominated. d adds nothing, so that
    # the run ends after the third. From e on: e, a, b.
    found = in_order(TWO, 4, seeds=[0, 4], checkpoints=(1, 2, 3))
    assert [len(run) for run in found.runs.values()] == [3, 4]
    gaps = [found.array("gap", at).ravel().tolist() for at in (1, 2, 3, 4)]
    assert gaps == [
        [100.0, 100.0],
        pytest.approx([100 / 7, 100.0]),
        [0.0, pytest.approx(100 / 7)],
        [0.0, 0.0],
    ]
    assert found.array("until", 1.0).ravel().tolist() == [3.0, 4.0]
    assert np.isnan(found.values("two", "gap", 1)["in order"]).sum() == 0
    assert found.keys("queries") == ()


def test_all_later_checkpoints_hold_after_the_answer_is_found() -> None:
    found = in_order(ONE, 200)
    assert len(found.runs[("one", "in order", 0)]) == 5  # type: ignore[index]  # a key is a tuple
    assert found.keys("gap") == (25, 50, 100, 150, 200)
    assert all(found.array("gap", at).item() == 0.0 for at in found.keys("gap"))
    assert found.array("until", 0.1).item() == 5.0


def test_metrics_use_the_truth_and_the_method_observes_what_is_shown() -> None:
    shown = np.array([[[a + 1.0, a - 1.0]] for a in ACCURACY.values()])
    noisy = Table(
        "noisy", ONE.space, ONE.objectives, ONE.rows, ONE.truth, shown=shown, signal="one_seed"
    )
    found = in_order(noisy, 3, seeds=2)
    for (_, _, seed), run in found.runs.items():
        widths = [1 + seed + i for i in range(3)]
        assert run.values.ravel().tolist() == [ACCURACY[w] for w in widths]
        shown = [Lookup(noisy, seed)(_candidate(noisy, w))["accuracy"] for w in widths]
        assert run.observed.ravel().tolist() == shown
        assert run.signal == "one_seed"
        assert (run.observed != run.values).all()


def _candidate(table: Table, width: int) -> Candidate:
    return Candidate(table.space, {"width": width}, optuna.create_trial(value=0.0))


def test_predictions_are_scored_by_hand() -> None:
    # z = (outcome - mean) / sd. Outcomes 60, 70, 80 at trials 1 to 3; means 60, 71, 77, sd 1: z is
    # 0, -1, 3. Trial 0 was random. Means and outcomes rise together.
    def prediction(number: int) -> dict[str, Any]:
        if number == 0:
            return {}
        return {"mean": [[60.0, 71.0, 77.0][number - 1]], "sd": [1.0], "weights": [[0.5, 0.5]]}

    methods = {"sure": lambda space, seed: InOrder(space, seed, prediction), "silent": InOrder}
    found = quietly(methods, [ONE], 4, 1)
    assert found.values("one", "asks", "accuracy")["sure"].item() == 3.0
    expected = {"coverage_50": 1 / 3, "coverage_80": 2 / 3, "coverage_95": 2 / 3, "z2": 10 / 3}
    expected |= {"kendall": 1.0, "spearman": 1.0}
    for name, value in expected.items():
        values = found.values("one", name, "accuracy")
        assert values["sure"].item() == pytest.approx(value), name
        assert math.isnan(values["silent"].item())


def test_equal_predictions_have_no_rank_correlation() -> None:
    prediction = {"mean": [70.0], "sd": [9.0]}
    found = quietly({"a": lambda s, seed: InOrder(s, seed, lambda _: prediction)}, [ONE], 4, 1)
    assert math.isnan(found.array("kendall", "accuracy").item())
    assert found.array("coverage_95", "accuracy").item() == 0.75  # 50 is 20 away, 1.96 * 9 is 17.6


def test_each_ask_is_timed() -> None:
    found = quietly(["random"], [many_rows()], 30, 1)
    (run,) = found.runs.values()
    assert (run.seconds > 0).all()
    assert found.keys("seconds") == (10, 25)
    near_ten = np.median(run.seconds[8:13])
    assert found.array("seconds", 10).item() == near_ten


def test_methods_of_one_objective_are_left_out_of_problems_of_several() -> None:
    found = quietly(["random", "local-search"], [ONE, TWO], 3, 2)
    assert found.left_out("one") == {}
    assert found.left_out("two") == {"local-search": "for one objective only"}
    assert np.isfinite(found.array("gap", 3)).all(axis=2).tolist() == [[True, True], [True, False]]
    assert "local-search" not in found.tests("two", "gap", 3)


def test_ranks_and_tests_compare_the_methods() -> None:
    methods = {"early": InOrder, "late": lambda space, seed: InOrder(space, seed + 6)}
    found = quietly(methods, [ONE], 8, [0, 1, 2, 3, 4, 0 + 5])
    assert found.main_metric("one") == ("queries", None)
    # Seeds 0 to 4 find width 5 after 5 to 1 evaluations, seed 5 after 8; two widths less: 7 to 3, 2
    assert found.array("queries")[0].tolist() == [[5, 4, 3, 2, 1, 8], [7, 6, 5, 4, 3, 2]]
    test = found.tests("one", "queries")["late"]
    assert (test.pairs, test.p) == (6, test.adjusted)
    assert test.effect == pytest.approx((5 * 3 - 6) / 21)  # five ties of rank 3, one of 6
    assert found.tests("one", "queries", baseline="late")["early"].effect == -test.effect
    assert found.ranks() == {"early": 1.0, "late": 2.0}  # means 23 / 6 and 27 / 6


def test_the_same_seed_gives_the_same_runs() -> None:
    methods = ["random", "nsga2", "tpe"]
    one, other = (quietly(methods, [many_rows()], 25, 2) for _ in range(2))
    for key, run in one.runs.items():
        np.testing.assert_array_equal(run.values, other.runs[key].values)
    first, second = one.array("gap", 25)[0, 0]
    assert first != second


@pytest.mark.parametrize("method", ["random", "tpe", "nsga2", "bonas-random"])
@pytest.mark.parametrize("kind", ["memory", "journal", "sqlite"])
def test_a_run_that_was_cut_off_ends_as_if_it_had_not_been(
    method: str, kind: str, tmp_path: Path
) -> None:
    storage = open_storage(_storage(kind, tmp_path))
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


def _storage(kind: str, folder: Path) -> Any:
    if kind == "memory":
        return InMemoryStorage()
    return folder / "a.log" if kind == "journal" else f"sqlite:///{folder / 'a.db'}"


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


def test_a_larger_budget_goes_on_and_a_smaller_one_looks_at_the_beginning(tmp_path: Path) -> None:
    storage = tmp_path / "a.log"
    quietly(["random"], [many_rows()], 5, 2, storage=storage)
    more = quietly(["random"], [many_rows()], 9, 3, storage=storage)
    assert [len(run) for run in more.runs.values()] == [9, 9, 9]
    less = quietly(["random"], [many_rows()], 4, 2, storage=storage)
    assert [len(run) for run in less.runs.values()] == [4, 4]
    assert less.budget == 4
    everything = load_comparison(storage)
    assert (everything.budget, len(everything.runs)) == (9, 3)


def test_a_report_reads_what_was_not_finished(tmp_path: Path) -> None:
    def interrupted(space: Space, seed: int) -> BaseSampler:
        return Interrupting(InOrder(space, seed), 3)

    with pytest.raises(KeyboardInterrupt):
        quietly({"m": interrupted}, [ONE], 6, [0], storage=tmp_path / "a.log", checkpoints=[2])
    found = load_comparison(tmp_path / "a.log", checkpoints=[2, 4])
    assert found.budget == 6
    assert found.array("regret", 2).item() == 30.0
    assert math.isnan(found.array("regret", 4).item())
    assert math.isnan(found.array("queries").item())
    assert found.versions[0].startswith("bonas ")


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


@pytest.mark.parametrize("kind", [pytest.param("memory", marks=pytest.mark.slow), "journal"])
def test_several_processes_give_the_same_as_one(kind: str, tmp_path: Path) -> None:
    storage = _storage(kind, tmp_path)
    problems = [many_rows(), ONE]
    quietly(["random", "evolution"], problems, 5, 1, storage=storage)
    apart = quietly(["random", "evolution"], problems, 8, 2, storage=storage, jobs=2)
    together = quietly(["random", "evolution"], problems, 8, 2)
    assert apart.runs.keys() == together.runs.keys()
    for key, run in together.runs.items():
        np.testing.assert_array_equal(run.values, apart.runs[key].values)


def test_a_method_that_cannot_be_sent_is_named() -> None:
    methods = {"mine": lambda space, seed: RandomSampler(seed)}
    with pytest.raises(InvalidArgument, match=r"the method 'mine' cannot be sent .* take jobs=1"):
        quietly(methods, [ONE], 3, 1, jobs=2)


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
    description = json.loads(study.user_attrs["bonas:description"])
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


class Widths(bonas.Space):
    """Six perceptrons."""

    parameters = {"width": [1, 2, 4], "depth": [1, 2]}  # noqa: RUF012 # as users write it

    def graph(self, choices: Mapping[str, object]) -> bonas.ArchitectureGraph:
        hidden = [f"linear{choices['width']}"] * int(str(choices["depth"]))
        labels = ["input", *hidden, "output"]
        return bonas.ArchitectureGraph(labels, [(i, i + 1) for i in range(len(labels) - 1)])


def evaluate(candidate: Candidate) -> dict[str, float]:
    """More width is better and slower."""
    width, depth = (float(str(candidate.choices[name])) for name in ("width", "depth"))
    return {"accuracy": 50.0 + width + depth, "latency": width * depth}


GOALS: dict[str, Any] = {"accuracy": "maximize", "latency": "minimize"}


def ablated(variants: Any, space: Any = None, **more: Any) -> Comparison:
    arguments = {"budget": 4, "seeds": 2, "evaluate": evaluate, "objectives": GOALS}
    return ablate(space or Widths(), variants, **{**arguments, "progress": False, **more})


def test_variants_of_the_search_are_compared_on_a_space_of_ones_own() -> None:
    variants = {
        "gp": {"surrogate": "gp", "encoder": ["one_hot"], "n_initial": 2},
        "function": fit_graph_gp,
        "random": "random",
        "in order": InOrder,
    }
    found = ablated(variants)
    assert list(found.problems) == ["Widths"]
    assert list(found.methods) == list(variants)
    reference = found.problems["Widths"]
    assert not reference.exact
    evaluated = np.concatenate([run.values for run in found.runs.values()])
    assert reference.best.tolist() == [evaluated[:, 0].max(), evaluated[:, 1].min()]
    assert found.array("gap", 4).min() >= 0.0
    assert np.isfinite(found.array("gap", 4)).all()


def test_the_best_of_all_runs_together_has_no_gap() -> None:
    found = ablated({"one": InOrder, "other": lambda s, seed: InOrder(s, seed + 3)}, budget=6)
    # in the order of the space all six are evaluated by each
    assert found.array("gap", 6).max() == 0.0


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


def test_a_table_can_be_ablated() -> None:
    found = ablated({"in order": InOrder}, ONE, evaluate=None, objectives=None, budget=6)
    assert found.problems["one"].exact
    assert found.array("queries").ravel().tolist() == [5.0, 4.0]


def _compare(*given: Any, **more: Any) -> Callable[[], object]:
    arguments = dict(zip(("methods", "problems", "budget", "seeds"), given, strict=False))
    usual = {"methods": ["random"], "problems": [ONE], "budget": 3, "seeds": 1}
    return lambda: quietly(**{**usual, **arguments, **more})


def _ablate(variants: Any = None, **more: Any) -> Callable[[], object]:
    return lambda: ablated({"random": "random"} if variants is None else variants, **more)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            _compare(["randm"]),
            InvalidArgument,
            r"unknown method 'randm'; expected one of 'bananas'",
        ),
        (_compare("random"), InvalidArgument, "methods must be a list"),
        (_compare([]), InvalidArgument, "at least one method"),
        (_compare({"m": 3}), InvalidArgument, "a method must be a name and a function"),
        (_compare(["random", "random"]), InvalidArgument, "got 'random' twice"),
        (_compare(problems=["nb301"]), InvalidArgument, "unknown benchmark problem 'nb301'"),
        (_compare(problems=[3]), InvalidArgument, "a problem must be a name"),
        (_compare(problems=ONE), InvalidArgument, "problems must be a list"),
        (_compare(problems=[ONE, TWO, ONE]), InvalidArgument, "given once"),
        (_compare(problems=[ONE, NAMESAKE]), InvalidArgument, "different names, got 'one' twice"),
        (_compare(problems=["spikenas"]), InvalidArgument, "is read from a folder"),
        (_compare(budget=0), InvalidArgument, "budget must be a whole number of at least 1, got 0"),
        (_compare(budget=2.5), InvalidArgument, "got 2.5"),
        (_compare(budget=True), InvalidArgument, "got True"),
        (_compare(seeds=0), InvalidArgument, "seeds must be a whole number"),
        (_compare(seeds=[1, 1]), InvalidArgument, "each seed must be given once"),
        (_compare(seeds=[-1]), InvalidArgument, "a seed must be a whole number of at least 0"),
        (_compare(seeds=[]), InvalidArgument, "at least one seed"),
        (_compare(jobs=0), InvalidArgument, "jobs must be a whole number"),
        (_compare(checkpoints=[0]), InvalidArgument, "a checkpoint must be"),
        (_compare(storage="/no/such/a.log"), StorageUnavailable, "cannot open"),
        (_ablate({}), InvalidArgument, "variants must map names"),
        (_ablate(["gp"]), InvalidArgument, "variants must map names"),
        (_ablate({"a": "forrest"}), InvalidArgument, "unknown surrogate 'forrest'"),
        (_ablate({"a": {"model": "gp"}}), InvalidArgument, r"unknown settings \['model'\]"),
        (_ablate({"a": {"seed": 1}}), InvalidArgument, "seeds are those of the ablation"),
        (_ablate({"a": lambda space, seed: 3}), InvalidArgument, "must make an Optuna sampler"),
        (_ablate(space=ONE), InvalidArgument, "a table brings its own evaluation"),
        (_ablate(space=3, evaluate=None, objectives=None), InvalidArgument, "a problem must be"),
        (_ablate(objectives=None), InvalidArgument, "objectives must map at least one name"),
        (_ablate(evaluate=None), MissingBuilder, "has no build"),
        (_ablate(evaluate=3), InvalidArgument, "expected evaluators to call"),
    ],
)
def test_bad_input_is_explained(
    call: Callable[[], object], error: type[BonasError], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()


def test_unknown_names_of_a_comparison_are_refused_with_those_that_are_known() -> None:
    found = in_order(ONE, 3)
    with pytest.raises(InvalidArgument, match=r"unknown metric 'regrets'; expected one of"):
        found.array("regrets")
    with pytest.raises(InvalidArgument, match=r"unknown key of the metric 'gap': 7; .*'3'"):
        found.array("gap", 7)
    with pytest.raises(InvalidArgument, match=r"unknown problem 'two'; expected one of 'one'"):
        found.values("two", "gap", 3)
    with pytest.raises(InvalidArgument, match="unknown baseline 'random'"):
        found.tests("one", "queries", baseline="random")


def test_a_storage_without_runs_says_so(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    optuna.create_study(storage=url, study_name="mine")
    with pytest.raises(StudyMismatch, match=r"holds no run of .*its studies are \['mine'\]"):
        load_comparison(url)
    with pytest.raises(InvalidArgument, match="budget must be"):
        load_comparison(url, budget=0)
