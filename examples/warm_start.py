"""Evaluations that a source task saves on NAS-Bench-201.

One objective: the best cell of CIFAR-100 or ImageNet16-120, given 200 random cells of CIFAR-10, or
those that a search on CIFAR-10 evaluated (`--kinds search --known 100`). Two objectives: the front
of accuracy against the latency of a device, given the latency of 200 cells on another device (and
their accuracy on CIFAR-10). Run it with `python examples/warm_start.py`; it needs
`pip install "bonas[bench]"`, and the same `--storage` resumes an interrupted run.
"""

import argparse

import numpy as np
import optuna

import bonas
from bonas.benchmarks import ablate
from bonas.benchmarks.comparison.statistics import mean_interval, paired_test
from bonas.benchmarks.tables import NASBench201Table
from bonas.studies import SourceTask

SINGLE = ["cifar100", "ImageNet16-120"]
DEVICES = [("raspi4", "edgegpu"), ("edgegpu", "raspi4"), ("pixel3", "edgegpu")]
KINDS = ["true", "search", "noise", "reversed"]


class Warm:
    """A maker of samplers that know `n` cells of `source`, different ones per seed."""

    def __init__(self, source, names, n, kind="true"):
        self.source, self.names, self.n, self.kind = source, names, n, kind

    def describe(self):
        """Return what identifies a run."""
        return {"source": self.source.name, "names": self.names, "n": self.n, "kind": self.kind}

    def __call__(self, space, seed):
        """Return the sampler of a run."""
        rng = np.random.default_rng([seed, self.n])
        if self.kind == "search":
            choices = searched(self.source, self.n, seed)
        else:
            choices = [self.source.space.sample(rng) for _ in range(self.n)]
        values = self.source.true_values(choices)
        if self.kind == "noise":
            values = rng.standard_normal(values.shape)
        if self.kind == "reversed":
            values = -values
        rows = [
            (c, {self.names[o.name]: v[j] for j, o in enumerate(self.source.objectives)})
            for c, v in zip(choices, values, strict=True)
        ]
        goals = {self.names[o.name]: o.direction for o in self.source.objectives}
        known = SourceTask.of_rows(self.source.name, rows, goals)
        return bonas.ArchitectureSampler(space, source_tasks=[known], zero_cost=False, seed=seed)


def searched(table, n, seed):
    """Return the values that a search without a source task evaluates."""
    sampler = bonas.ArchitectureSampler(table.space, zero_cost=False, seed=seed)
    directions = [goal.direction for goal in table.objectives]
    study = optuna.create_study(directions=directions, sampler=sampler)
    for _ in range(n):
        trial = study.ask(table.space.distributions)
        study.tell(trial, table.true_values([trial.params])[0].tolist())
    return [trial.params for trial in study.trials]


def queries(options):
    """Compare the evaluations until the best cell is found, with one objective."""
    source, same = NASBench201Table("cifar10"), {"accuracy": "accuracy"}
    kinds = [kind for kind in KINDS if kind in options.kinds]
    variants = {
        "cold": {},
        **{f"{kind} {n}": Warm(source, same, n, kind) for kind in kinds for n in options.known},
    }
    for dataset in options.datasets:
        table = NASBench201Table(dataset)
        seeds = range(options.first, options.first + options.seeds)
        found = ablate(table, variants, budget=200, seeds=seeds, storage=options.storage)
        show(table.name, found.values(table.name, "queries"), "queries until the best is found")


def gaps(options):
    """Compare the evaluations until the final gap of a cold search, with two objectives."""
    for device, other in DEVICES[: options.devices]:
        table = NASBench201Table("cifar100", ["accuracy", f"{device}_latency"])
        own = {f"{name}_latency": f"{device}_latency" for name in (device, other)}
        own["accuracy"] = "accuracy"
        latency = NASBench201Table("cifar10", [f"{other}_latency"])
        same = NASBench201Table("cifar10", [f"{device}_latency"])
        accuracy = NASBench201Table("cifar10")
        both = NASBench201Table("cifar10", ["accuracy", f"{other}_latency"])
        variants = {
            "cold": {},
            f"latency of {other}": Warm(latency, own, 200),
            f"latency of {device} itself": Warm(same, own, 200),
            "accuracy on CIFAR-10": Warm(accuracy, own, 200),
            f"latency of {other}, accuracy on CIFAR-10": Warm(both, own, 200),
        }
        found = ablate(
            table,
            variants,
            budget=50,
            seeds=range(options.first, options.first + options.pairs),
            storage=options.storage,
            checkpoints=range(5, 51, 5),
        )
        for n in (25, 50):
            show(table.name, found.values(table.name, "gap", n), f"gap at {n} in %")
        curves = {
            name: 100 * np.array([t.gaps for k, t in found.traces.items() if k.method == name])
            for name in variants
        }
        goal = curves["cold"][:, -1].mean()
        for name, curve in curves.items():
            reached = np.flatnonzero(curve.mean(0) <= goal * (1 + 1e-9))
            when = f"after {reached[0] + 1} evaluations" if len(reached) else "not reached"
            print(f"  {name:42} mean gap of {goal:.2f} % {when}")


def show(problem, values, what):
    """Print means with 95 % intervals, and paired tests against the cold search."""
    print(f"\n{problem}: {what}")
    for name, own in values.items():
        mean = mean_interval(own)
        test = paired_test(values["cold"], own)
        print(
            f"  {name:42} {mean.mean:6.2f} [{mean.low:.2f}, {mean.high:.2f}]"
            f"  {mean.mean / values['cold'].mean() - 1:+.0%}  p = {test.p:.2g} (n = {mean.n})"
        )


def main():
    """Run both comparisons, and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="seeds with one objective")
    parser.add_argument("--pairs", type=int, default=10, help="seeds with two objectives")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--known", type=int, nargs="+", default=[200], help="known cells")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=["true"])
    parser.add_argument("--datasets", nargs="*", choices=SINGLE, default=SINGLE)
    parser.add_argument("--devices", type=int, default=len(DEVICES), help="number of devices")
    parser.add_argument("--storage", default="warm_start.log")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    queries(options)
    gaps(options)


if __name__ == "__main__":
    main()
