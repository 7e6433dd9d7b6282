"""What the live views of a study cost in CPU seconds: the table of docs/watching.md.

`OMP_NUM_THREADS=1 python docs/figures/live_costs.py 200 1000 10000` prints a row per size.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np
import optuna
from optuna.trial import FrozenTrial, create_trial

from bonas.evaluation import as_objectives
from bonas.live.opening import open_to_look
from bonas.live.spaces import KnownSpaces
from bonas.live.watch import make_watcher
from bonas.live.wsgi import make_application
from bonas.spaces import NASBench201
from bonas.studies.lineage.description import make_description, store_description
from bonas.studies.storages.opening import open_storage

SPACE = NASBench201(channels=8, cells=1)
GOALS = {"accuracy": "maximize", "latency": "minimize"}


def trials(n: int) -> list[FrozenTrial]:
    """Return random cells with values that look like measured ones."""
    rng, found = np.random.default_rng(0), []
    for _ in range(n):
        choices = dict(SPACE.sample(rng))
        size = sum("3x3" in str(choice) for choice in choices.values())
        values = [80 + 2 * size + 3 * rng.random(), 1 + 0.7 * size + rng.random()]
        distributions = {name: SPACE.distributions[name] for name in choices}
        found.append(create_trial(values=values, params=choices, distributions=distributions))
    return found


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds that some work takes."""
    began = time.process_time()
    work()
    return time.process_time() - began


def row(n: int, path: str) -> str:
    """Return the row of a study of ``n`` trials."""
    study = optuna.create_study(
        storage=open_storage(path), study_name="s", directions=list(GOALS.values())
    )
    described = make_description({**SPACE.describe(), "evaluation": {}}, as_objectives(GOALS))
    store_description(study, described)
    study.add_trials(trials(n))
    watcher = make_watcher(path, (), None, 5.0)
    watcher.look()
    idle = seconds(watcher.look)
    study.add_trial(trials(1)[0])
    card = seconds(watcher.look)
    watcher.state("s")
    report = seconds(watcher.look)
    size = len(watcher.state("s").studies["s"].page or "") / 1_000
    dashboard = make_application(
        open_to_look(path), lambda _: True, KnownSpaces(), host="127.0.0.1", artifacts=None
    )
    transport = httpx.WSGITransport(app=dashboard)
    with httpx.Client(transport=transport, base_url="http://127.0.0.1:8080") as client:
        client.get("/api/studies")
        page = seconds(lambda: client.get("/api/studies/0").raise_for_status())
    return f"| {n:,} | {idle:.3f} | {card:.2f} | {report:.1f} | {size:,.0f} kB | {page:.2f} |"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for given in sys.argv[1:] or ["200", "1000", "10000"]:
        with TemporaryDirectory() as folder:
            print(row(int(given), str(Path(folder) / "a.log")), flush=True)
