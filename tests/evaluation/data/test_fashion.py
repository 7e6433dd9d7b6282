"""Facts about Fashion-MNIST from local files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from idx_files import as_idx

from bonas.errors import InvalidData, MissingData
from bonas.evaluation import load
from bonas.evaluation.data.sealed import opened

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
FILES = [f"{p}-{k}" for p in ("train", "t10k") for k in ("images-idx3-ubyte", "labels-idx1-ubyte")]


def fashion_files(folder: Path, packed: bool = True) -> None:
    """Write a small Fashion-MNIST: an image is as bright as its label, or 255 in the test part."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = np.repeat(np.arange(10), 10).astype(np.uint8)
    bright = {"train": labels, "t10k": np.full(100, 255, np.uint8)}
    for part, values in bright.items():
        images = np.broadcast_to(values[:, None, None], (100, 28, 28))
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            content = as_idx(array)
            file = folder / f"{part}-{name}-ubyte{'.gz' if packed else ''}"
            file.write_bytes(gzip.compress(content, 1) if packed else content)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("inside", ["", "fashion-mnist", "FashionMNIST/raw"])
def test_fashion_mnist_is_read_from_a_folder(tmp_path: Path, packed: bool, inside: str) -> None:
    fashion_files(tmp_path / inside, packed)
    splits = load("fashion-mnist", folder=tmp_path, validation=0.2)
    assert splits.test is not None
    assert [len(p) for p in (splits.train, splits.validation, splits.test)] == [80, 20, 100]
    assert (splits.counts, splits.input_shape) == ((8,) * 10, (1, 28, 28))
    images, labels = splits.train[:]
    assert float(images.mean()) == pytest.approx(0, abs=1e-4)
    assert float(images.std()) == pytest.approx(1, abs=1e-4)
    assert torch.equal(labels, images.mean(dim=(1, 2, 3)).unique(return_inverse=True)[1])
    assert float(opened(splits.test)[:][0].min()) > float(images.max())  # the official test part
    assert torch.bincount(splits.validation[:][1]).tolist() == [2] * 10


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fashion_files(tmp_path)
    monkeypatch.setenv("BONAS_DATA", str(tmp_path))
    splits = load("fashion-mnist", test=0)
    assert (len(splits.train), splits.test) == (80, None)


@pytest.mark.parametrize("left", [[], FILES[:3]])
def test_missing_files_are_named_with_the_ways_to_get_them(tmp_path: Path, left: list[str]) -> None:
    fashion_files(tmp_path)
    for file in tmp_path.iterdir():
        if file.name.removesuffix(".gz") not in left:
            file.unlink()
    ways = rf"in {tmp_path} .*by folder=\.\.\. or .*BONAS_DATA, .*apt-get install dataset-fashion-m"
    with pytest.raises(MissingData, match=ways):
        load("fashion-mnist", folder=tmp_path)


def test_files_of_something_else_are_refused(tmp_path: Path) -> None:
    fashion_files(tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(as_idx(np.zeros((3, 28, 27), np.uint8)))
    with pytest.raises(InvalidData, match=r"28 x 28 pixels .*got shapes \(3, 28, 27\) and \(100,"):
        load("fashion-mnist", folder=tmp_path)


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="needs Debian's package dataset-fashion-mnist")
def test_the_files_of_debian_are_fashion_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count 60,000 and 10,000 images, with the same number per class (Xiao et al., 2017)."""
    monkeypatch.delenv("BONAS_DATA", raising=False)
    splits = load("fashion-mnist", validation=1 / 6)
    assert splits.test is not None
    sizes = [len(part) for part in (splits.train, splits.validation, splits.test)]
    assert sizes == [50_000, 10_000, 10_000]
    assert torch.bincount(opened(splits.test)[:][1]).tolist() == [1000] * 10
