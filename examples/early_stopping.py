"""What early stopping gains: searches on digits with and without a stopping rule, equal budgets.

`python examples/early_stopping.py` trains each network for 20 epochs, for as many epochs in all as
24 full trainings take, and compares accuracy against size on paired seeds. It takes minutes; more
`--seeds` narrow the intervals.
"""

import argparse
import math
import time

import numpy as np
import optuna

import bonas
from bonas.evaluation import ParameterCount, ShortTraining

LEAST = 80.0  # % accuracy: the reference point, with the largest network


def hypervolume(points, reference):
    """Return the area that points dominate: accuracy in %, and log10 of the parameters."""
    area, before = 0.0, reference[0]
    for accuracy, size in sorted(points, key=lambda point: (point[1], -point[0])):
        if accuracy > before and size < reference[1]:
            area += (accuracy - before) * (reference[1] - size)
            before = accuracy
    return area


def searched(rule, seed, options):
    """Return the hypervolume, the best accuracy, the numbers of trials, and the seconds."""
    space = bonas.spaces.NASBench201(channels=options.channels, cells=1, stages=2)
    training = ShortTraining("digits", epochs=options.epochs, seed=seed)
    began = time.perf_counter()
    found = bonas.optimize(
        space,
        options.budget,
        evaluate=[ParameterCount(), training],
        surrogate=options.surrogate,
        stopping=None if rule == "none" else rule,
        seed=seed,
        progress=False,
    )
    largest = math.log10(space.costs(dict.fromkeys(space.parameters, "nor_conv_3x3"))["parameters"])
    values = [candidate.values for candidate in found.candidates]
    points = [(each["accuracy"], math.log10(each["parameters"])) for each in values]
    area = hypervolume(points, (LEAST, largest + 0.01))
    best = max(accuracy for accuracy, _ in points)
    seconds = time.perf_counter() - began
    return area, best, len(points), len(found.stopped), seconds


def main():
    """Search with each rule on each seed, and print each outcome and the paired differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", nargs="+", default=["none", "halving", "default"])
    parser.add_argument("--budget", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--channels", type=int, default=4)
    parser.add_argument("--surrogate", default="mixture")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    areas = {rule: [] for rule in options.rules}
    for seed in options.seeds:
        for rule in options.rules:
            area, best, complete, stopped, seconds = searched(rule, seed, options)
            areas[rule].append(area)
            print(
                f"seed {seed} {rule:8} hypervolume {area:7.3f}, best {best:5.2f} %, "
                f"{complete} complete, {stopped} stopped, {seconds:.0f} s",
                flush=True,
            )
    first = np.array(areas[options.rules[0]])
    for rule in options.rules[1:]:
        gain = np.array(areas[rule]) - first
        error = gain.std(ddof=1) / math.sqrt(len(gain)) if len(gain) > 1 else math.nan
        print(f"{rule} against {options.rules[0]}: {gain.mean():+.3f} +- {error:.3f} hypervolume")


if __name__ == "__main__":
    main()
