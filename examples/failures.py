"""A search that survives what its evaluations do: crashes, endless loops, too much memory, NaN.

`python examples/failures.py` searches perceptrons of which some end their process, never end, or
take all memory. Each costs one trial; the search goes on, learns where networks fail, and says what
failed, where and why.
"""

import argparse
import math
import os
import signal

import bonas
from bonas.evaluation import ShortTraining

TRAINING = ShortTraining("digits", epochs=1)
FOREVER = 10**12


def evaluate(candidate):
    """Train a perceptron, unless its depth and width are those that fail."""
    depth, width = candidate.choices["depth"], candidate.choices["layer1_width"]
    if depth == 4 and width == 256:
        return {"accuracy": len(bytearray(10**11))}  # 100 GB
    if depth == 4 and width == 128:
        os.kill(os.getpid(), signal.SIGSEGV)  # as a broken extension does
    if depth == 4:
        return {"accuracy": sum(1 for _ in range(FOREVER))}
    if width == 256 and depth == 3:
        return {"accuracy": math.nan}
    return TRAINING(candidate)


def main():
    """Search, and print what failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=int, default=20)
    parser.add_argument("--time-limit", type=float, default=20.0)
    options = parser.parse_args()
    space = bonas.spaces.MLPSpace(
        inputs=64, classes=10, depths=(1, 2, 3, 4), widths=(32, 64, 128, 256)
    )
    result = bonas.optimize(
        space,
        options.budget,
        evaluate=evaluate,
        objectives={"accuracy": "maximize"},
        surrogate="gp",
        time_limit=options.time_limit,
        memory_limit=8e9,
        seed=0,
    )
    print(result)
    print(result.failures)


if __name__ == "__main__":
    main()
