"""The plan of a comparison: which runs there are."""

from __future__ import annotations

import optuna
import pytest
from comparisons import ONE, TWO

from bonas.benchmarks.baselines import METHODS
from bonas.benchmarks.comparison.plan import make_plan
from bonas.benchmarks.comparison.run import RunKey
from bonas.errors import InvalidArgument
from bonas.spaces import Space


def own(space: Space, seed: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.RandomSampler(seed)


def test_every_method_runs_every_seed_of_a_problem() -> None:
    plan = make_plan(["random", "evolution"], [ONE], 9, 2, None)
    assert list(plan.keys(plan.problem(0))) == [
        RunKey("one", "random", 0),
        RunKey("one", "random", 1),
        RunKey("one", "evolution", 0),
        RunKey("one", "evolution", 1),
    ]
    assert str(RunKey("one", "evolution", 1)) == "one/evolution/1"


def test_a_method_for_one_objective_has_no_run_with_several() -> None:
    plan = make_plan(["random", "evolution"], [TWO], 9, [4], None)
    assert list(plan.keys(plan.problem(0))) == [RunKey("two", "random", 4)]


def test_a_function_of_ones_own_is_a_method_for_any_problem() -> None:
    plan = make_plan({"evolution": own}, [TWO], 9, [0], None)
    assert list(plan.keys(plan.problem(0))) == [RunKey("two", "evolution", 0)]
    assert plan.make("evolution") is own


def test_a_name_stands_for_the_method_of_that_name() -> None:
    plan = make_plan(["tpe"], [ONE], 9, 1, None)
    assert plan.make("tpe") is METHODS["tpe"].make


@pytest.mark.parametrize("seeds", [None, 1.5, True, "12"])
def test_seeds_of_another_kind_are_refused(seeds: object) -> None:
    with pytest.raises(InvalidArgument, match="seeds must be a whole number of at least 1"):
        make_plan(["random"], [ONE], 9, seeds, None)  # type: ignore[arg-type]  # on purpose
