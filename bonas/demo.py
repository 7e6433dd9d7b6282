"""Demo: a small but real search over image networks, on data bundled with scikit-learn."""

from __future__ import annotations

import time
from pathlib import Path

import optuna

from bonas.evaluation import Latency, ShortTraining
from bonas.optimization import optimize
from bonas.spaces import NASBench201

_OPENING = """\
Searching the 15,625 cells of NAS-Bench-201 for the best accuracy at each latency:
{budget} networks, each trained {epochs} epochs on {rows:,} real 8x8 digits and timed on this CPU.
"""
_CLOSING = """
{evaluated} networks were evaluated, {front} of them are on the Pareto front ({seconds:.0f} s).
  report:   {report}
  picture:  {picture}
  database: {storage}, study {study!r}
Show the front:  bonas front --storage {storage} --study {study}
Resume:          bonas demo --budget {more} --storage {storage} --study {study}
"""


def run(
    *,
    budget: int,
    storage: str,
    study_name: str,
    picture: str,
    report: str,
    surrogate: str,
    seed: int,
) -> None:
    """Search, print, plot and report, and print the commands that show or resume the search."""
    started = time.perf_counter()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = NASBench201(channels=8, cells=1, stages=2)
    training = ShortTraining("digits", epochs=4)
    latency = Latency(input_shape=training.input_shape)
    print(_OPENING.format(budget=budget, epochs=training.epochs, rows=len(training.splits.train)))
    result = optimize(
        space,
        budget,
        evaluate=[training, latency],
        surrogate=surrogate,
        storage=storage,
        study_name=study_name,
        seed=seed,
    )
    result.plot(picture)
    result.report(report)
    print(f"\n{result}")
    print(
        _CLOSING.format(
            evaluated=len(result.candidates),
            front=len(result.front),
            seconds=time.perf_counter() - started,
            picture=Path(picture).resolve(),
            report=Path(report).resolve(),
            storage=storage,
            study=study_name,
            more=2 * budget,
        )
    )
