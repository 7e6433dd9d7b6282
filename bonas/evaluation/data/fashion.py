"""Fashion-MNIST: 70,000 grey images of 28 x 28 pixels, ten classes of clothes, from local files.

Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms", 2017.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch

from bonas.errors import InvalidData, MissingData
from bonas.evaluation.data.idx import read_idx
from bonas.evaluation.data.rows import Numbers
from bonas.evaluation.data.shares import Shares
from bonas.evaluation.data.splits import Splits, split_tensors
from bonas.evaluation.data.targets import Targets

FOLDER = "BONAS_DATA"
"""The environment variable that names the folder of data sets."""

_DEBIAN = Path("/usr/share/datasets")  # package dataset-fashion-mnist
_PLACES = (".", "fashion-mnist", "FashionMNIST/raw")  # the last is torchvision's
_NAMES = ("images-idx3-ubyte", "labels-idx1-ubyte")


def fashion_mnist(shares: Shares, folder: str | os.PathLike[str] | None = None) -> Splits:
    """Split Fashion-MNIST: the official test images, and validation cut from the other 60,000.

    The training pixels have mean 0 and standard deviation 1. A test share of 0 keeps no test part.

    Args:
        shares: Validation is a share of the 60,000; the size of the test part is fixed.
        folder: Folder of the four files, or its parent. Default: the environment variable
            ``BONAS_DATA``, else the folder of Debian's package ``dataset-fashion-mnist``.

    Raises:
        MissingData: if the files do not exist.
        InvalidData: if a file has other content.
    """
    place = _folder(folder)
    pixels, labels = _labelled(place, "train")
    targets = Targets.labels(labels)
    train, validation, test = Shares(shares.validation, 0, shares.seed).parts(targets)
    mean, deviation = pixels[train].mean(), pixels[train].std()
    if shares.test:
        test_pixels, test_labels = _labelled(place, "t10k")
        pixels = torch.cat([pixels, test_pixels])
        targets = Targets.labels(torch.cat([targets.values, torch.as_tensor(test_labels)]).numpy())
        test = torch.arange(len(labels), len(pixels)).numpy()
    pixels = pixels.sub_(mean).div_(deviation)
    return split_tensors(pixels, targets, (train, validation, test), "fashion-mnist")


def _labelled(place: Path, part: str) -> tuple[torch.Tensor, Numbers]:
    """Return float32 images ``n x 1 x 28 x 28`` in [0, 1] and their labels."""
    images, labels = (read_idx(_file(place, f"{part}-{name}")) for name in _NAMES)
    if images.shape != (len(images), 28, 28) or labels.shape != (len(images),):
        raise InvalidData(
            f"expected images of 28 x 28 pixels and one label per image, got shapes {images.shape} "
            f"and {labels.shape} in {place}; get the files of Fashion-MNIST again"
        )
    return torch.from_numpy(images).to(torch.float32).div_(255)[:, None], labels


def _folder(folder: str | os.PathLike[str] | None) -> Path:
    """Return the folder that holds the files."""
    given = folder if folder is not None else os.environ.get(FOLDER)
    root = _DEBIAN if given is None else Path(given)
    for place in _PLACES:
        if all(_found(root / place, f"{p}-{name}") for p in ("train", "t10k") for name in _NAMES):
            return root / place
    raise MissingData(
        f"expected the four files of Fashion-MNIST, such as train-{_NAMES[0]}.gz, in {root} or its "
        "folder fashion-mnist, got none or not all; give the folder that holds them by folder=... "
        f"or the environment variable {FOLDER}, or install them on Debian and Ubuntu by "
        "apt-get install dataset-fashion-mnist"
    )


def _found(place: Path, name: str) -> list[Path]:
    return [path for path in (place / name, place / f"{name}.gz") if path.is_file()]


def _file(place: Path, name: str) -> Path:
    return _found(place, name)[0]
