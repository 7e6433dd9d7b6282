"""Methods side by side, and bad input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from comparisons import ONE, TWO, ablated, many_rows, quietly

from bonas.benchmarks.tables import Table
from bonas.errors import (
    BonasError,
    InvalidArgument,
    MissingBuilder,
    StorageUnavailable,
)

NAMESAKE = Table("one", TWO.space, TWO.objectives, TWO.rows, TWO.truth)


def test_the_same_seed_gives_the_same_runs() -> None:
    methods = ["random", "nsga2", "tpe"]
    one, other = (quietly(methods, [many_rows()], 25, 2) for _ in range(2))
    for key, run in one.runs.items():
        np.testing.assert_array_equal(run.values, other.runs[key].values)
    first, second = one.array("gap", 25)[0, 0]
    assert first != second


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
        (_ablate(objectives={}), InvalidArgument, "objectives must map at least one name"),
        (_ablate({}), InvalidArgument, "variants must map names"),
        (_ablate(["gp"]), InvalidArgument, "variants must map names"),
        (_ablate({"a": "forrest"}), InvalidArgument, "unknown surrogate 'forrest'"),
        (_ablate({"a": {"model": "gp"}}), InvalidArgument, r"unknown settings \['model'\]"),
        (_ablate({"a": {"seed": 1}}), InvalidArgument, "seeds are those of the ablation"),
        (_ablate({"a": lambda space, seed: 3}), InvalidArgument, "must make an Optuna sampler"),
        (_ablate(space=ONE), InvalidArgument, "a table brings its own evaluation"),
        (_ablate(space=3, evaluate=None, objectives=None), InvalidArgument, "a problem must be"),
        (_ablate(objectives=None), InvalidArgument, "does not say what its objectives are; pass"),
        (_ablate(evaluate=None), MissingBuilder, "has no build"),
        (_ablate(evaluate=3), InvalidArgument, "evaluate must be a function of a candidate"),
    ],
)
def test_bad_input_is_explained(
    call: Callable[[], object], error: type[BonasError], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()
