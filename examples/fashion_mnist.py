"""Mobile networks for Fashion-MNIST: bonas against random search and Optuna's TPE.

    apt-get install dataset-fashion-mnist      # or set BONAS_DATA to a folder with the IDX files
    python examples/fashion_mnist.py --seeds 5

Each evaluation is a short training and a measured latency, and is stored in ``--storage``: the same
command resumes where it was interrupted. The report is written to ``--out``.
"""

from __future__ import annotations

import argparse

from torch import Tensor

import bonas
from bonas.benchmarks.baselines import METHODS
from bonas.benchmarks.report import write
from bonas.evaluation import Latency, ShortTraining, load
from bonas.spaces import MobileSpace, Stage

STAGES = (
    Stage((8, 16), stride=2, depths=(1, 2)),
    Stage((16, 24, 32), stride=2, depths=(1, 2, 3)),
)


def rows(n: int) -> tuple[Tensor, Tensor]:
    """Return the first ``n`` training images, which are in random order, and their labels."""
    train = load("fashion-mnist").train
    images, labels = train[:n]
    return images, labels


def main() -> None:
    """Run the missing evaluations, then write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=int, default=40, help="trainings per run")
    parser.add_argument("--seeds", type=int, default=5, help="runs per method")
    parser.add_argument("--rows", type=int, default=6_000, help="images per training")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--storage", default="fashion.log")
    parser.add_argument("--out", default="fashion-report")
    given = parser.parse_args()
    space = MobileSpace(STAGES, stem=8, head=128, in_channels=1, image_size=28)
    training = ShortTraining(rows(given.rows), epochs=given.epochs, test=0.0)
    found = bonas.ablate(
        space,
        {"bonas": "mixture", "random": METHODS["random"].make, "tpe": METHODS["tpe"].make},
        budget=given.budget,
        seeds=given.seeds,
        evaluate=[training, Latency((1, 28, 28))],
        storage=given.storage,
        checkpoints=(10, 20, 30, 40),
    )
    print(write(found, given.out))


if __name__ == "__main__":
    main()
