"""A custom space: perceptrons on scikit-learn's digits, accuracy against size.

Run it with `python examples/perceptrons.py`; a larger `--budget` searches longer, and the same
`--storage` resumes the search.
"""

import argparse

from torch import nn

import bonas
from bonas.evaluation import ShortTraining


class Perceptrons(bonas.Space):
    """One to three hidden layers of equal width."""

    parameters = {
        "depth": [1, 2, 3],
        "width": [8, 16, 32, 64],
        "activation": ["relu", "gelu", "tanh"],
        "norm": ["none", "layer"],
    }

    def graph(self, choices):
        """Return a chain of layers; `norm: none` adds no node."""
        norm = [] if choices["norm"] == "none" else ["layer_norm"]
        layer = [f"linear{choices['width']}", *norm, choices["activation"]]
        labels = ["input", *layer * choices["depth"], "output"]
        return bonas.ArchitectureGraph(labels, [(i, i + 1) for i in range(len(labels) - 1)])

    def build(self, choices):
        """Build the network for 8x8 images and ten classes."""
        activations = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh}
        width, inputs = choices["width"], 64
        layers = [nn.Flatten()]
        for _ in range(choices["depth"]):
            layers.append(nn.Linear(inputs, width))
            if choices["norm"] == "layer":
                layers.append(nn.LayerNorm(width))
            layers.append(activations[choices["activation"]]())
            inputs = width
        return nn.Sequential(*layers, nn.Linear(inputs, 10))


training = ShortTraining("digits", epochs=6)


def evaluate(candidate):
    """Return the validation accuracy in percent and the number of parameters."""
    size = sum(weight.numel() for weight in candidate.build().parameters())
    return {**training(candidate), "parameters": size}


def main():
    """Search and print the front."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=int, default=20)
    parser.add_argument("--storage", default=None)
    options = parser.parse_args()
    result = bonas.optimize(
        Perceptrons(),
        options.budget,
        evaluate=evaluate,
        objectives={"accuracy": "maximize", "parameters": "minimize"},
        storage=options.storage,
        seed=0,
    )
    print(result)


if __name__ == "__main__":
    main()
