"""Searches whose every proposal is on record: a change of structure leaves all of them equal.

    make golden                                compare with searches.json; exit 1 where they differ
    python tests/golden/searches.py --record   write searches.json anew, with --only those cases

The values are a function of the choices alone, so that the proposals depend on nothing but the
seeds, the code, and the versions of the numerical libraries on one kind of machine. That is why it
is no test: elsewhere the last digit of a sum may decide between two equally good candidates.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch

import bonas
from bonas.benchmarks.baselines import METHODS
from bonas.evaluation import ACCURACY, LATENCY, Candidate, Objective
from bonas.spaces import (
    DARTSSpace,
    MLPSpace,
    MobileSpace,
    NASBench101Space,
    NASBench201,
    RecurrentSpace,
    TransformerSpace,
)
from bonas.studies import ArchitectureSampler

RECORD = Path(__file__).with_suffix(".json")
BUDGET = 16
TWO = (ACCURACY, LATENCY)


def share(*words: object) -> float:
    """A number in [0, 1) that looks random and is a function of the words."""
    digest = hashlib.blake2b("/".join(map(repr, words)).encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 256**6


def value(name: str, params: Mapping[str, Any]) -> float:
    """Main effects of all choices and effects of neighbouring pairs, in (0, 100)."""
    items = sorted(params.items())
    main = sum(share(name, key, x) for key, x in items) / max(1, len(items))
    joint = sum(share(name, *pair) for pair in pairwise(items)) / max(1, len(items) - 1)
    return round(100 * (0.75 * main + 0.25 * joint), 4)


def evaluation(*names: str, sd: bool = False) -> Callable[[Candidate], dict[str, float]]:
    """An evaluator of objectives with these names, perhaps with standard deviations."""

    def measured(candidate: Candidate) -> dict[str, float]:
        found = {name: value(name, candidate.choices) for name in names}
        return found | ({f"{name}_sd": 0.3 for name in names} if sd else {})

    return measured


@bonas.space(input=torch.zeros(1, 12))
def net(choose: Any) -> torch.nn.Module:
    """A function of a user: a depth, a width, an activation for each layer."""
    width = choose("width", [8, 16, 24, 32, 48, 64])
    layers: list[torch.nn.Module] = []
    size = 12
    for i in range(choose("depth", [1, 2, 3])):
        layers.append(torch.nn.Linear(size, width))
        layers.append(choose(f"act{i}", {"relu": torch.nn.ReLU, "gelu": torch.nn.GELU}))
        size = width
    return torch.nn.Sequential(*layers, torch.nn.Linear(size, 3))


def rows(study: optuna.Study) -> list[Any]:
    """What every trial was, was worth, and was expected to be worth."""
    found = []
    for trial in study.get_trials(deepcopy=False):
        expected = json.loads(trial.system_attrs.get("bonas:prediction") or "{}")
        found.append([trial.state.name, dict(sorted(trial.params.items())), trial.values, expected])
    return found


def searched(
    space: Any, names: tuple[Any, ...], surrogate: str, seed: int, **others: Any
) -> list[Any]:
    """``optimize`` with one surrogate."""
    sd = others.pop("sd", False)
    result = bonas.optimize(
        space() if isinstance(space, type) else space,
        others.pop("budget", BUDGET),
        evaluate=evaluation(*(goal.name for goal in names), sd=sd),
        objectives=names,
        surrogate=surrogate,
        seed=seed,
        progress=False,
        **others,
    )
    return rows(result.study)


def asked(
    space: Any, directions: list[str], together: int = 1, extra: bool = False, **others: Any
) -> list[Any]:
    """Ask and tell with the sampler alone, several at once; perhaps with a learning rate."""
    sampler = ArchitectureSampler(space, **others)
    study = optuna.create_study(directions=directions, sampler=sampler)
    study.set_metric_names([f"f{j}" for j in range(len(directions))])
    distributions: dict[str, Any] = {} if space is None else dict(space.distributions)
    if extra:
        distributions["lr"] = optuna.distributions.FloatDistribution(1e-4, 1.0, log=True)
        distributions["batch"] = optuna.distributions.IntDistribution(8, 64)
    for _ in range(BUDGET // together):
        trials = [study.ask(distributions) for _ in range(together)]
        for trial in trials:
            words = {k: round(math.log(x), 3) if k == "lr" else x for k, x in trial.params.items()}
            study.tell(trial, [value(f"f{j}", words) for j in range(len(directions))])
    return rows(study)


def transferred() -> list[Any]:
    """A search that knows of another task and of some values of its own."""
    space = NASBench201()
    rng = np.random.default_rng(3)
    drawn = [space.sample(rng) for _ in range(40)]
    other = [(c, {"accuracy": 0.8 * value("accuracy", c) + 0.2 * value("other", c)}) for c in drawn]
    known = bonas.studies.SourceTask.of_rows("other task", other, {"accuracy": "maximize"})
    own = [
        (c, {"accuracy": value("accuracy", c), "latency": value("latency", c)}) for c in drawn[:4]
    ]
    return searched(space, TWO, "gp", 5, warm_start=[known, *own])


def troubled() -> list[Any]:
    """Evaluations that fail, are pruned, or are enqueued."""
    space = NASBench201()

    def evaluate(candidate: Candidate) -> dict[str, float]:
        if share("fails", candidate.choices) < 0.15:
            raise RuntimeError("out of luck")
        if share("pruned", candidate.choices) < 0.1:
            raise optuna.TrialPruned
        return {"accuracy": value("accuracy", candidate.choices)}

    study_name, storage = "troubled", optuna.storages.InMemoryStorage()
    for budget in (12, 20):
        result = bonas.optimize(
            space,
            budget,
            evaluate=evaluate,
            objectives=[ACCURACY],
            surrogate="gp",
            seed=2,
            progress=False,
            storage=storage,
            study_name=study_name,
        )
    return rows(result.study)


def baseline(name: str) -> list[Any]:
    """Search with a baseline, and return its record."""
    space = NASBench201()
    found = METHODS[name].make(space, 4)
    study = optuna.create_study(direction="maximize", sampler=found)
    for _ in range(24):
        trial = study.ask(space.distributions)
        study.tell(trial, value("accuracy", trial.params))
    return rows(study)


FIVE = tuple(Objective(f"f{j}", "maximize", "%") for j in range(5))
THREE = FIVE[:3]

CASES: dict[str, Callable[[], list[Any]]] = {
    "nb201 two mixture": partial(searched, NASBench201, TWO, "mixture", 0),
    "nb201 one mixture": partial(searched, NASBench201, (ACCURACY,), "mixture", 1),
    "nb201 two gp noise": partial(searched, NASBench201, TWO, "gp", 2, sd=True),
    "nb201 one gp long": partial(searched, NASBench201, (ACCURACY,), "gp", 3, budget=50),
    "darts embedded": partial(searched, DARTSSpace, TWO, "embedded_gp", 0),
    "mobile deep kernel": partial(searched, MobileSpace, TWO, "deep_kernel", 0),
    "transformer gnn": partial(searched, TransformerSpace, TWO, "gnn", 0),
    "nb101 wl": partial(searched, NASBench101Space, (ACCURACY,), "wl", 0),
    "mlp forest": partial(searched, MLPSpace(12, 3), TWO, "forest", 0),
    "recurrent random": partial(searched, RecurrentSpace, TWO, "random", 0),
    "recurrent gp": partial(searched, RecurrentSpace, (ACCURACY,), "gp", 1),
    "bounded mobile gp": partial(searched, MobileSpace(max_params=1_000_000), (ACCURACY,), "gp", 0),
    "function mixture": partial(searched, net, TWO, "mixture", 0),
    "mobile five objectives": partial(searched, MobileSpace, FIVE, "gp", 0),
    "nb201 thompson batches": lambda: asked(
        NASBench201(), ["maximize"] * 3, 4, surrogate="gp", acquisition="thompson", seed=1
    ),
    "nb201 with numbers": lambda: asked(
        NASBench201(), ["maximize", "minimize"], 2, True, surrogate="gp", seed=1
    ),
    "numbers alone": lambda: asked(None, ["minimize"], 1, True, surrogate="gp", seed=1),
    "transfer": transferred,
    "troubled": troubled,
}
CASES |= {f"baseline {name}": partial(baseline, name) for name in METHODS if name not in ("bonas",)}


def differences(old: Any, new: Any, at: str = "") -> list[str]:
    """Where two records differ; numbers may by a millionth, relatively."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        return [d for key in old for d in differences(old[key], new[key], f"{at}.{key}")]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [d for i, (a, b) in pairs for d in differences(a, b, f"{at}[{i}]")]
    if isinstance(old, float) and isinstance(new, float):
        return (
            [] if math.isclose(old, new, rel_tol=1e-6, abs_tol=1e-9) else [f"{at}: {old} -> {new}"]
        )
    return [] if old == new else [f"{at}: {old!r:.200} -> {new!r:.200}"]


def main() -> int:
    """Run the cases, and compare or record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="write searches.json anew")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    args = parser.parse_args()
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    record = json.loads(RECORD.read_text())
    made, wrong = {}, 0
    for name, case in CASES.items():
        if args.only not in name:
            continue
        start = time.perf_counter()
        made[name] = json.loads(json.dumps(case()))
        found = [] if args.record else differences(record.get(name), made[name])
        wrong += bool(found)
        seconds = time.perf_counter() - start
        print(f"{name:28s} {seconds:6.1f} s  ", *(found[:3] or ["equal"]), sep="  ", flush=True)
    if args.record:
        kept = {name: made.get(name, record.get(name)) for name in CASES}
        RECORD.write_text(json.dumps(kept, indent=None, separators=(",", ":")) + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
