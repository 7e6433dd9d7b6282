"""An image classifier for a small device: accuracy against latency, within a number of weights.

    apt-get install dataset-fashion-mnist          # or set BONAS_DATA to a folder
    python examples/gallery/image_classifier.py    # six minutes on a core
    python examples/gallery/image_classifier.py --data digits    # bundled: two minutes

Networks of inverted residual blocks learn from a tenth of Fashion-MNIST for one epoch, and are
timed in ONNX Runtime. Those with more weights than the device can hold are not trained. The best
two are then trained for longer, one is chosen, scored on the test images and written as a folder
that runs without bonas. The same command goes on where it was interrupted.
"""

import argparse
import time
from pathlib import Path

import bonas
from bonas.evaluation import Latency, ShortTraining, load
from bonas.spaces import MobileSpace, Stage

STAGES = {
    "fashion-mnist": (
        Stage((8, 12, 16), stride=2, depths=(1, 2)),
        Stage((16, 24, 32), stride=2, depths=(1, 2, 3)),
    ),
    "digits": (Stage((8, 12, 16), depths=(1, 2)), Stage((16, 24), stride=2, depths=(1, 2))),
}
SIDES = {"fashion-mnist": 28, "digits": 8}


def data_of(name, rows):
    """Return the data of the search, and test images if they come apart."""
    if name == "digits":
        return name, None
    images, labels = load(name).train[:rows]  # in random order
    return (images, labels), load(name).test


def main():
    """Search, train the best in full, score one of them on test images, and export it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=STAGES, default="fashion-mnist")
    parser.add_argument("--rows", type=int, default=6_000, help="images of the search")
    parser.add_argument("--budget", type=int, default=25, help="networks of the search")
    parser.add_argument("--short", type=int, help="epochs in the search; 1, or 4 of digits")
    parser.add_argument("--weights", type=float, default=16_000, help="that the device can hold")
    parser.add_argument("--top-k", type=int, default=2, help="networks that are trained in full")
    parser.add_argument("--epochs", type=int, default=6, help="of the full training")
    parser.add_argument("--seeds", type=int, default=3, help="full trainings per network")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("image-classifier"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    began, side = time.process_time(), SIDES[options.data]
    space = MobileSpace(
        STAGES[options.data],
        kernels=(3, 5),
        expansions=(2, 4),
        stem=8,
        head=64,
        in_channels=1,
        image_size=side,
    )
    data, test = data_of(options.data, options.rows)
    training = ShortTraining(
        data,
        epochs=options.short or (1 if test is not None else 4),
        test=0.0 if test is not None else 0.2,
        seed=options.seed,
    )
    result = bonas.optimize(
        space,
        options.budget,
        evaluate=[training, Latency((1, side, side), runtime="onnx")],
        constraints={"parameters": f"<= {options.weights}"},
        storage=options.out / "search.log",
        study_name=options.data,
        seed=options.seed,
    )
    print(result)
    print(f"{time.process_time() - began:.0f} CPU seconds")
    result.plot(options.out / "front.svg")
    result.report(options.out / "report.html")
    result.best().draw(options.out / "network.svg")

    final = bonas.finalize(
        result,
        options.top_k,
        epochs=options.epochs,
        seeds=options.seeds,
        test=test,
        folder=options.out / "weights",
    )
    print(final)
    print(final.best.export(options.out / "model", overwrite=True))
    print(f"{time.process_time() - began:.0f} CPU seconds")


if __name__ == "__main__":
    main()
