"""Short trainings as knowledge: how many full ones they save on NAS-Bench-201.

Random cells are trained for 12 epochs instead of 200; their accuracies rank cells badly (Kendall's
tau 0.58 with the final ones), but a search that reads them as a source task begins where they
promise something. Each full training counts 1, each short one 12 / 200. Run it with
`python examples/low_fidelity.py`; it needs `pip install "bonas[bench]"`, and the same `--storage`
resumes an interrupted run.
"""

import argparse

import numpy as np
import optuna

import bonas
from bonas.benchmarks import ablate
from bonas.benchmarks.comparison.statistics import mean_interval, paired_test
from bonas.benchmarks.tables import NASBench201Table
from bonas.studies import SourceTask

SHARE = 12 / 200  # of a full training


class ShortTrainings:
    """A maker of samplers that know the 12-epoch accuracies of `n` cells, others for each seed."""

    def __init__(self, dataset, n):
        self.dataset, self.n = dataset, n

    def describe(self):
        """Return what identifies a run."""
        return {"source": f"12 epochs on {self.dataset}", "n": self.n}

    def __call__(self, space, seed):
        """Return the sampler of a run."""
        short = NASBench201Table(self.dataset, signal="12_epochs")
        rng = np.random.default_rng([seed, self.n])
        cells = [short.space.sample(rng) for _ in range(self.n)]
        accuracies = short.shown[[short.row(cell) for cell in cells], :, 0]  # n x 1
        known = SourceTask("12 epochs", cells, accuracies, short.objectives)
        return bonas.ArchitectureSampler(space, source_tasks=[known], zero_cost=False, seed=seed)


def compare(options):
    """Search with and without short trainings, and print what each costs in full trainings."""
    table = NASBench201Table(options.dataset)
    known = {"without": 0, **{f"{n} short trainings": n for n in options.known}}
    variants = {name: ShortTrainings(options.dataset, n) if n else {} for name, n in known.items()}
    found = ablate(
        table,
        variants,
        budget=options.budget,
        seeds=range(options.first, options.first + options.seeds),
        storage=options.storage,
        jobs=options.jobs,
        within=options.within,
    )
    aims = {"the best cell": found.values(table.name, "queries")}
    for limit in found.within:
        aims[f"within {limit:g} %"] = found.values(table.name, "within", limit)
    for aim, queries in aims.items():
        print(
            f"\n{table.name}: full trainings until {aim}, [95 % interval] of {options.seeds} seeds"
        )
        for name, own in queries.items():
            share = SHARE * known[name]
            p = paired_test(queries["without"], own + share).p if known[name] else float("nan")
            mean = mean_interval(own + share)
            print(
                f"  {name:20} {own.mean():6.1f} + {share:4.1f} = {mean.mean:6.1f}"
                f"  [{mean.low:.1f}, {mean.high:.1f}]  p = {p:.2g}"
            )


def main():
    """Run the comparison, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="cifar100", help="or cifar10, ImageNet16-120")
    parser.add_argument("--known", type=int, nargs="+", default=[100], help="short trainings")
    parser.add_argument("--budget", type=int, default=200, help="full trainings at most")
    parser.add_argument("--seeds", type=int, default=15)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--within", type=float, nargs="*", default=[], help="tolerances in %%")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once")
    parser.add_argument("--storage", default="low_fidelity.log")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    compare(options)


if __name__ == "__main__":
    main()
