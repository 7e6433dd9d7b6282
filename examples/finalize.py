"""From a search to a trained network with one honest test score.

    python examples/finalize.py                              # digits: two minutes on a core
    apt-get install dataset-fashion-mnist                    # or set BONAS_DATA to a folder
    python examples/finalize.py --data fashion-mnist --top-k 4

A short search of accuracy against latency, then full trainings of its best networks. Everything is
stored in ``--out``: the same command resumes where it was interrupted, and opens the test rows once
only. ``finalists.png`` shows what became of the ranking of the search.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from torch import Tensor

import bonas
from bonas.evaluation import Latency, ShortTraining, load
from bonas.spaces import MobileSpace, NASBench201, Stage

STAGES = (
    Stage((8, 16), stride=2, depths=(1, 2)),
    Stage((16, 24, 32), stride=2, depths=(1, 2, 3)),
)
SPACES = {
    "digits": NASBench201(channels=8, cells=1),
    "fashion-mnist": MobileSpace(STAGES, stem=8, head=128, in_channels=1, image_size=28),
}
SHAPES = {"digits": (1, 8, 8), "fashion-mnist": (1, 28, 28)}
EPOCHS = {"digits": 4, "fashion-mnist": 1}  # of the short training


def rows(n: int) -> tuple[Tensor, Tensor]:
    """Return ``n`` training images of Fashion-MNIST, which are in random order, and labels."""
    images, labels = load("fashion-mnist").train[:n]
    return images, labels


def main() -> None:
    """Search, compare the best in full, and print what the chosen one scores on test rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=SPACES, default="digits")
    parser.add_argument("--budget", type=int, default=15, help="short trainings of the search")
    parser.add_argument("--top-k", type=int, default=5, help="networks that are trained in full")
    parser.add_argument("--epochs", type=int, help="of the full training; default: ten times")
    parser.add_argument("--seeds", type=int, default=3, help="full trainings per network")
    parser.add_argument("--rows", type=int, default=6_000, help="images of Fashion-MNIST")
    parser.add_argument("--out", default="finalists")
    given = parser.parse_args()
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)
    training, test = ShortTraining("digits", epochs=EPOCHS["digits"]), None
    if given.data == "fashion-mnist":  # a part of the images, and all of the official test images
        training = ShortTraining(rows(given.rows), epochs=EPOCHS[given.data], test=0.0)
        test = load("fashion-mnist").test
    result = bonas.optimize(
        SPACES[given.data],
        given.budget,
        evaluate=[training, Latency(SHAPES[given.data])],
        storage=out / "search.log",
        study_name=given.data,
        seed=0,
    )
    print(result)
    found = bonas.finalize(
        result,
        given.top_k,
        epochs=given.epochs,
        seeds=given.seeds,
        test=test,
        folder=out / f"weights-{given.data}",
    )
    print(found)
    print(f"{found.seconds:.0f} s of training")
    found.plot(out / "finalists.png")
    parameters = sum(weight.numel() for weight in found.network().parameters())
    print(f"{parameters} parameters")


if __name__ == "__main__":
    main()
