"""What an ensemble gains over the best network: digits, small networks, rows that nothing chose.

`python examples/ensemble.py` draws 20 small networks per seed, trains them briefly, and compares
on held-out rows: the one that is best on the validation rows, `bonas.ensemble` (also under a limit
of three networks' parameters), and the mean of all. It takes minutes; more `--seeds` narrow the
intervals.
"""

import argparse
import math
import tempfile

import numpy as np
import optuna
import torch
from sklearn.datasets import load_digits

import bonas
from bonas.deploy.ensemble_network import EnsembleNetwork
from bonas.evaluation import ParameterCount, ShortTraining


def scores(network, inputs, labels):
    """Return the accuracy in % and the log loss in nats."""
    with torch.no_grad():
        logs = network(inputs).log_softmax(dim=1)
    right = (logs.argmax(1) == labels).double().mean().item()
    return 100 * right, torch.nn.functional.nll_loss(logs, labels).item()


def compared(seed, options):
    """Return a method's name -> accuracy, log loss, and number of networks, on held-out rows."""
    inputs, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    inputs = (inputs[order] / 16).astype(np.float32)
    rows, held = slice(options.rows), slice(options.rows, None)
    space = bonas.spaces.MLPSpace(inputs=64, classes=10, widths=(8, 16, 32, 64))
    with tempfile.TemporaryDirectory() as folder:
        training = ShortTraining(
            (inputs[rows], labels[order][rows]),
            epochs=options.epochs,
            validation=options.validation,
            test=0.0,
            keep_weights=folder,
            seed=seed,
        )
        found = bonas.optimize(
            space,
            options.networks,
            evaluate=[ParameterCount(), training],
            surrogate=options.surrogate,
            seed=seed,
            progress=False,
        )
        sizes = sorted(candidate.values["parameters"] for candidate in found.candidates)
        limit = 3 * sizes[len(sizes) // 2]
        greedy = bonas.ensemble(found, training)
        limited = bonas.ensemble(found, training, parameters=f"<= {limit}")
        single = bonas.ensemble(found, training, size=1)
        networks = [candidate.trained() for candidate in found.candidates]
    every = EnsembleNetwork(networks, [1 / len(networks)] * len(networks), "classes")
    best = max(found.candidates, key=lambda candidate: candidate.values["accuracy"])
    alone = EnsembleNetwork(
        [networks[[c.number for c in found.candidates].index(best.number)]], [1.0], "classes"
    )
    x, y = torch.from_numpy(inputs[held]), torch.from_numpy(labels[order][held])
    methods = {
        "best by accuracy": (alone, 1),
        "best by log loss": (single, 1),
        "ensemble": (greedy, len(greedy.members)),
        "ensemble, three sizes": (limited, len(limited.members)),
        "mean of all": (every, len(networks)),
    }
    return {name: (*scores(made.eval(), x, y), count) for name, (made, count) in methods.items()}


def interval(values):
    """Return the mean and half the width of its 95 % interval (Student's t)."""
    from scipy.stats import t

    values = np.asarray(values)
    wide = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    return values.mean(), wide


def main():
    """Compare the methods, and print their means with 95 % intervals."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=8, help="At least 2.")
    parser.add_argument("--networks", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--rows", type=int, default=700, help="For training and validation.")
    parser.add_argument("--validation", type=float, default=0.25, help="Share of these rows.")
    parser.add_argument("--surrogate", default="random")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    runs = [compared(seed, options) for seed in range(options.seeds)]
    print(f"{'':24}{'accuracy %':>16}{'log loss':>18}{'networks':>10}")
    for name in runs[0]:
        columns = list(zip(*(run[name] for run in runs), strict=True))
        (right, wide), (loss, broad) = interval(columns[0]), interval(columns[1])
        accuracy, log_loss = f"{right:9.2f} ± {wide:4.2f}", f"{loss:11.3f} ± {broad:5.3f}"
        print(f"{name:24}{accuracy}{log_loss}{np.mean(columns[2]):10.1f}")
    for name in list(runs[0])[1:]:
        gains = [[run[name][i] - run["best by accuracy"][i] for run in runs] for i in (0, 1)]
        (right, wide), (loss, broad) = interval(gains[0]), interval(gains[1])
        gain = f"{right:+.2f} ± {wide:.2f} %, {loss:+.3f} ± {broad:.3f} nats"
        print(f"{name} - best by accuracy: {gain}")


if __name__ == "__main__":
    main()
