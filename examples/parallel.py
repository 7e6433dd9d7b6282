"""The cost of parallel proposals, which do not know each other's results.

NAS-Bench-201, looked up instead of trained. With `w` workers a proposal does not know the results
of the `w - 1` before it, so that about `w - 1` more evaluations than with one worker are expected.
Run it with `python examples/parallel.py`; it needs `pip install "bonas[bench]"`.
"""

import argparse
from collections import deque

import numpy as np
import optuna

import bonas
from bonas.benchmarks.comparison.statistics import mean_interval, paired_test
from bonas.benchmarks.tables import NASBench201Table
from bonas.optuna_internals import live
from bonas.studies.lease import Renewal, Worker
from bonas.studies.running import turns
from bonas.studies.running.proposal_server import ProposalServer

VARIANTS = [(1, False), (4, False), (8, False), (16, False), (8, True)]


def evaluated(table, workers, together, seed, budget):
    """Return the exact values of all evaluations, in order, up to the optimum of one objective.

    A worker asks as soon as it is done, and the one that began first is done first; with
    `together`, all workers wait for each other and ask at once.
    """
    directions = [goal.direction for goal in table.objectives]
    search = bonas.Search(table.space, table.evaluate)
    study = optuna.create_study(directions=directions, sampler=search.sampler(seed))
    server = ProposalServer(study, search.proposer(), seed, Worker.here(lease=60.0))
    running, found = deque(), []
    with Renewal(study, server.worker):
        while len(found) < budget:
            if not (together and running):
                asked = [turns.begin(study, server.worker) for _ in range(workers - len(running))]
                server.serve()
                for own in asked:
                    server.settle(own)
                    trial = live(study, own)
                    running.append((trial, table.space.suggest(trial)))
            trial, choices = running.popleft()
            values = table.true_values([choices])[0]
            study.tell(trial, list(values))
            found.append(values)
            if len(directions) == 1 and values[0] == table.optimum[1]:
                break
    return np.array(found)


def compare(table, measure, seeds, budget, what):
    """Run each variant with the same seeds, and print its results."""
    print(f"\n{table.name}: {what}", flush=True)
    first = None
    for workers, together in VARIANTS:
        runs = [evaluated(table, workers, together, seed, budget) for seed in range(seeds)]
        found = np.array([measure(values) for values in runs])
        first = found if first is None else first
        mean, test = mean_interval(found), paired_test(first, found)
        name = f"{workers} workers{', all at once' * together}"
        print(
            f"  {name:24} {mean.mean:6.2f} [{mean.low:.2f}, {mean.high:.2f}]"
            f"  {mean.mean - first.mean():+.2f}, p = {test.p:.2g} (n = {mean.n})",
            flush=True,
        )


def main():
    """Run both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="seeds with one objective")
    parser.add_argument("--pairs", type=int, default=10, help="seeds with two objectives")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    single = NASBench201Table("cifar100")
    compare(single, len, options.seeds, 200, "evaluations until the best is found")
    double = NASBench201Table("cifar100", ["accuracy", "edgegpu_latency"])
    compare(double, lambda v: 100 * double.gap(v), options.pairs, 50, "gap after 50 in %")


if __name__ == "__main__":
    main()
