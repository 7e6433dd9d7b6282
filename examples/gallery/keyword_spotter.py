"""A keyword spotter: accuracy against latency and multiply-adds, over three kinds of network.

    python examples/gallery/keyword_spotter.py    # four minutes on a core

Clips of ten words are synthesised (``spoken_words.py`` says how, and what that is worth). Networks
of at most five million operations take them as images (convolutions in time and frequency), as
sequences of spectra (convolutions in time) or as a recurrence (a gated recurrent unit). They are
trained on some speakers and scored on others; the best two are trained for longer, and one is
scored on speakers that nobody has heard.
"""

import argparse
import time
from pathlib import Path

import spoken_words
import torch
from torch import nn

import bonas
from bonas.evaluation import FLOPs, Latency, ShortTraining

WIDTHS = [8, 16, 24, 32, 48]


class Residual(nn.Module):
    """The sum of a block and its input."""

    def __init__(self, block):
        super().__init__()
        self.block = block

    def forward(self, x):
        """Return a tensor of the shape of ``x``."""
        return x + self.block(x)


class Recurrent(nn.Module):
    """Energies ``batch x 1 x 40 x 50`` to the last states of a gated recurrent unit."""

    def __init__(self, width, layers):
        super().__init__()
        self.cells = nn.GRU(spoken_words.BANDS, width, layers, batch_first=True)

    def forward(self, x):
        """Return ``batch x width``."""
        return self.cells(x[:, 0].transpose(1, 2))[0][:, -1]


def convolution(axes, inputs, outputs, kernel, stride=1, groups=1):
    """Return a convolution over one axis or two, normalised and rectified."""
    conv, norm = (nn.Conv1d, nn.BatchNorm1d) if axes == 1 else (nn.Conv2d, nn.BatchNorm2d)
    layer = conv(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(layer, norm(outputs), nn.ReLU())


def block(choose, i, axes, width):
    """Return a block of equal inputs and outputs."""
    kernel = choose(f"kernel{i}", [3, 5]) if axes == 2 else choose(f"span{i}", [3, 5, 9])
    if choose(f"separable{i}", [True, False]):
        depthwise = convolution(axes, width, width, kernel, groups=width)
        made = nn.Sequential(depthwise, convolution(axes, width, width, 1))
    else:
        made = convolution(axes, width, width, kernel)
    return choose(f"skip{i}", {"yes": lambda: Residual(made), "no": lambda: made})


@bonas.space(input=torch.zeros(1, 1, spoken_words.BANDS, spoken_words.FRAMES), max_flops=5e6)
def spotters(choose):
    """Networks from the energies of one second to the logits of ten words."""
    kind, width = choose("kind", ["image", "sequence", "recurrent"]), choose("width", WIDTHS)
    outputs = nn.Linear(width, len(spoken_words.WORDS))
    if kind == "recurrent":
        return nn.Sequential(Recurrent(width, choose("layers", [1, 2])), outputs)
    axes = 2 if kind == "image" else 1
    if axes == 2:
        layers = [convolution(2, 1, width, 5, stride=choose("stride", [2, 4]))]
        pool = nn.AdaptiveAvgPool2d(1)
    else:
        bands = spoken_words.BANDS
        layers = [nn.Flatten(1, 2), convolution(1, bands, width, 3, choose("hop", [1, 2]))]
        pool = nn.AdaptiveAvgPool1d(1)
    layers += [block(choose, i + 1, axes, width) for i in range(choose("depth", [1, 2, 3, 4]))]
    return nn.Sequential(*layers, pool, nn.Flatten(), outputs)


def clips(options):
    """Return the clips of three groups of speakers, standardised as those of the first."""
    n = options.speakers
    groups = [(n, 4), (max(2, n // 3), 3), (max(2, n // 2), 4)]  # speakers, utterances per word
    parts = [
        spoken_words.features(speakers, utterances, options.seed, first=1_000 * i)
        for i, (speakers, utterances) in enumerate(groups)
    ]
    known = parts[0][0]
    mean, sd = known.mean(dim=(0, 3), keepdim=True), known.std(dim=(0, 3), keepdim=True)
    return [((energies - mean) / sd, labels) for energies, labels in parts]


def main():
    """Search, then train the best for longer and score one on unknown speakers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speakers", type=int, default=60, help="to learn from")
    parser.add_argument("--budget", type=int, default=25, help="networks of the search")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--top-k", type=int, default=2, help="networks that are trained for longer")
    parser.add_argument("--longer", type=int, default=12, help="epochs of these")
    parser.add_argument("--seeds", type=int, default=2, help="long trainings per network")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("keyword-spotter"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    began = time.process_time()
    train, validation, test = clips(options)
    print(f"{len(train[0])} clips to learn from, {time.process_time() - began:.0f} CPU seconds")
    training = ShortTraining((train, validation), epochs=options.epochs, batch_size=32)
    result = bonas.optimize(
        spotters,
        options.budget,
        evaluate=[training, Latency(), FLOPs()],
        storage=options.out / "search.log",
        study_name="keywords",
        seed=options.seed,
    )
    print(result)
    print(f"{time.process_time() - began:.0f} CPU seconds")
    figure = result.plot()
    figure.set_size_inches(11, 3.8)  # three panels, to be read on a page
    figure.savefig(options.out / "front.png", dpi=70)
    result.report(options.out / "report.html")
    result.best().draw(options.out / "network.svg")

    final = bonas.finalize(
        result,
        options.top_k,
        epochs=options.longer,
        seeds=options.seeds,
        test=test,
        folder=options.out / "weights",
    )
    print(final)
    print(f"{time.process_time() - began:.0f} CPU seconds")


if __name__ == "__main__":
    main()
