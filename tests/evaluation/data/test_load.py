"""Facts about where data come from: names, local files, loaders."""

from __future__ import annotations

import gzip
import itertools
import platform
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.datasets import load_diabetes, load_iris
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from bonas.errors import InvalidArgument, InvalidData, MissingData
from bonas.evaluation import load
from bonas.evaluation.data.idx import read_idx
from bonas.evaluation.data.text import CHARACTERS, decoded, encoded, python_text

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
FILES = [f"{p}-{k}" for p in ("train", "t10k") for k in ("images-idx3-ubyte", "labels-idx1-ubyte")]
CODES = {"u1": 8, "i1": 9, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def as_idx(array: Any) -> bytes:
    code = CODES[array.dtype.str[1:]]
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


IDX_ARRAYS = st.sampled_from(sorted(CODES)).flatmap(
    lambda code: arrays(code, st.lists(st.integers(0, 3), min_size=1, max_size=3).map(tuple))
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx") / "file"


@given(array=IDX_ARRAYS, packed=st.booleans())
def test_an_idx_file_gives_back_its_array(path: Path, array: Any, packed: bool) -> None:
    path.write_bytes(gzip.compress(as_idx(array)) if packed else as_idx(array))
    found = read_idx(path)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@given(array=IDX_ARRAYS, packed=st.booleans(), data=st.data())
def test_an_idx_file_that_is_cut_is_refused(
    path: Path, array: Any, packed: bool, data: Any
) -> None:
    whole = gzip.compress(as_idx(array)) if packed else as_idx(array)
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(InvalidData, match="get the file again"):
        read_idx(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\0\0\x08\x01\0\0\0\x02ab", None),
        (b"\0\0\x08\x01\0\0\0\x02abc", r"10 bytes for numbers of shape \(2,\), got 11 in"),
        (b"\0\0\x08\x01\0\0\0\x02a", r"10 bytes for numbers of shape \(2,\), got 9 in"),
        (b"\0\0\x07\x01\0\0\0\x02ab", r"begins with 0, 0 and a type .*, got \[0, 0, 7, 1\] in"),
        (b"PNG\x01", r"got \[80, 78, 71, 1\]"),
        (b"\0\0\x08\x02\0\0\0\x02", r"12 bytes before the numbers of 2 axes, got 8 in"),
        (b"\0\0\x08\x03" + 12 * b"\xff", r"numbers of shape \(4294967295, 4294967295, "),
        (b"\x1f\x8bnonsense", r"a whole gzip file, got .* is truncated or corrupt"),
    ],
)
def test_an_idx_file_is_checked(path: Path, content: bytes, message: str | None) -> None:
    path.write_bytes(content)
    if message is None:
        assert read_idx(path).tolist() == [97, 98]
        return
    with pytest.raises(InvalidData, match=message):
        read_idx(path)


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
    assert float(splits.test[:][0].min()) > float(images.max())  # the official test part
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
    assert torch.bincount(splits.test[:][1]).tolist() == [1000] * 10


@pytest.mark.parametrize(
    ("name", "rows", "columns", "outputs", "task"),
    [
        ("iris", 150, 4, 3, "classification"),
        ("wine", 178, 13, 3, "classification"),
        ("breast-cancer", 569, 30, 2, "classification"),
        ("diabetes", 442, 10, 1, "regression"),
    ],
)
def test_tables_are_standardised_by_their_training_rows(
    name: str, rows: int, columns: int, outputs: int, task: str
) -> None:
    splits = load(name)
    assert (splits.name, splits.input_shape) == (name, (columns,))
    assert (splits.outputs, splits.task) == (outputs, task)
    assert splits.test is not None
    assert sum(len(part) for part in (splits.train, splits.validation, splits.test)) == rows
    x = splits.train[:][0]
    torch.testing.assert_close(x.mean(dim=0), torch.zeros(columns), atol=1e-5, rtol=0)
    torch.testing.assert_close(x.std(dim=0, correction=0), torch.ones(columns))


def test_tables_keep_rows_and_targets_together() -> None:
    """Compare the order of the values in a column, which standardising does not change."""
    splits = load("diabetes")
    x, y = load_diabetes(return_X_y=True)
    inputs, targets = (
        torch.cat([part[:][i] for part in (splits.train, splits.validation, splits.test)])  # type: ignore[index]
        for i in (0, 1)
    )
    found = np.lexsort((inputs[:, 2], targets.flatten()))
    expected = np.lexsort((x[:, 2], y))
    scaled = inputs.numpy()[found, 2]
    assert np.corrcoef(scaled, x[expected, 2])[0, 1] == pytest.approx(1)
    assert sorted(targets.flatten().tolist()) == sorted(y.tolist())


def test_a_name_has_its_task() -> None:
    assert load("iris", task="classification").classes == len(load_iris().target_names)
    with pytest.raises(InvalidArgument, match=r"the task 'classification' for the data 'iris', go"):
        load("iris", task="regression")


@given(st.text(CHARACTERS, max_size=40))
def test_a_text_and_its_tokens_are_the_same(text: str) -> None:
    assert decoded(encoded(text)) == text


def test_other_characters_are_question_marks() -> None:
    assert decoded(encoded("a\tb\u00e9\U0001f600\r\n")) == "a?b???\n"


@pytest.mark.parametrize("length", [1, 7, 64, 300])
def test_targets_are_the_next_characters(length: int) -> None:
    inputs, targets = python_text(length)
    assert inputs.shape == targets.shape == (len(inputs), length)
    text = decoded(inputs.ravel())
    assert decoded(targets.ravel()) == text[1:] + decoded(targets[-1, -1:])
    assert '"""Heap queue algorithm' in text


def test_the_text_is_of_this_python() -> None:
    splits = load("python-text")
    assert splits.name.startswith(f"python-text of Python {platform.python_version()}: ")
    assert (splits.task, splits.input_shape) == ("next_token", (64,))
    assert (splits.classes, splits.vocabulary) == (96, 96)
    assert splits.name == load("python-text", seed=1).name
    assert load(python_text(64)).name in splits.name


def test_a_python_without_sources_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bonas.evaluation.data.text.MODULES", ("sys",))
    with pytest.raises(MissingData, match=r"source of the standard library's module 'sys', got no"):
        python_text()


@pytest.mark.parametrize("length", [0, 1.5, True])
def test_a_window_has_a_whole_length(length: Any) -> None:
    with pytest.raises(InvalidArgument, match="length must be a whole number of at least 1"):
        python_text(length)


def loader(x: Any, y: Any, batch: int = 4, **settings: Any) -> DataLoader[Any]:
    return DataLoader(TensorDataset(torch.as_tensor(x), torch.as_tensor(y)), batch, **settings)


X = torch.arange(24.0).reshape(12, 2)
Y = torch.arange(12) % 3
TOKENS = torch.arange(24).reshape(12, 2)


@pytest.mark.parametrize(
    ("x", "y", "facts"),
    [
        (X, Y, ("classification", 3, 3, 0, (2,))),
        (X, Y + 0.25, ("regression", 0, 1, 0, (2,))),
        (X, torch.stack([Y + 0.25, Y], 1), ("regression", 0, 2, 0, (2,))),
        (TOKENS, TOKENS + 1, ("next_token", 25, 25, 25, (2,))),
        (TOKENS, Y, ("classification", 3, 3, 24, (2,))),
        (X.reshape(12, 1, 2, 1), Y, ("classification", 3, 3, 0, (1, 2, 1))),
    ],
)
def test_loaders_are_used_as_they_are(x: Any, y: Any, facts: tuple[Any, ...]) -> None:
    train, validation = loader(x[:8], y[:8], 3, shuffle=True), loader(x[8:], y[8:])
    splits = load((train, validation), validation=0.5)
    assert splits.train is train
    assert splits.validation is validation
    assert splits.test is None
    assert facts == (
        splits.task,
        splits.classes,
        splits.outputs,
        splits.vocabulary,
        splits.input_shape,
    )


def test_loaders_have_counts_and_scale_of_their_training_rows() -> None:
    labelled = load((loader(X[:6], Y[:6]), loader(X[6:], Y[6:])))
    assert labelled.counts == (2, 2, 2)
    measured = load((loader(X[:2], [1.0, 4.0]), loader(X[2:], torch.full((10,), 99.5))))
    assert measured.scale is not None
    assert (measured.scale.mean, measured.scale.deviation) == ((2.5,), (1.5,))


def test_the_name_of_loaders_does_not_depend_on_their_order() -> None:
    def name(y: Any, **settings: Any) -> str:
        return load((loader(X[:8], y[:8], **settings), loader(X[8:], y[8:]))).name

    assert name(Y) == name(Y, shuffle=True)
    assert name(Y) != name(Y.clamp(max=1))
    assert name(Y).startswith("loaders, 8 x 4 x 2, labels ")


def test_reading_loaders_leaves_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    load((loader(X, Y, shuffle=True), loader(X, Y)))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_random_state_has_no_effect_on_what_is_read() -> None:
    """Drop a batch of 5 out of 12 numbers: the same one, whatever was drawn before."""
    scales = set()
    for seed in range(4):
        torch.manual_seed(seed)
        train = loader(X, torch.linspace(0, 1, 12) ** 2, 7, shuffle=True, drop_last=True)
        scales.add(load((train, loader(X, torch.rand(12)))).scale)
    assert len(scales) == 1


class Streamed(IterableDataset[Any]):
    def __iter__(self) -> Any:
        return zip(X, Y, strict=True)


def lengths() -> DataLoader[Any]:
    """Return batches of sequences of different lengths."""
    rows = [(torch.arange(n), torch.arange(n)) for n in (2, 3)]
    return DataLoader(rows, 1)  # type: ignore[arg-type]  # a list is a data set to torch


@pytest.mark.parametrize(
    ("train", "error", "message"),
    [
        (DataLoader(Streamed(), 4), InvalidArgument, r"how many batches .* a Streamed without"),
        (DataLoader(X, 4), InvalidData, r"batches \(inputs, targets\) of a DataLoader, got a T"),  # type: ignore[arg-type]
        (loader(X[:, 0], Y), InvalidData, r"batches of tensors, the inputs batch x \.\.\., got"),
        (loader(X[:0], Y[:0]), InvalidData, r"at least one batch of each DataLoader, got none"),
        (loader(X, Y + 1), InvalidData, r"labels 0 to classes - 1"),
        (loader(X, (Y + 0.5) / 0), InvalidData, r"labels 0 to classes - 1|finite"),
        (lengths(), InvalidData, r"targets of one shape in all batches, got others .*; pad"),
    ],
)
def test_unusable_loaders_are_refused(train: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        load((train, loader(X[:2], Y[1:3])))


def test_one_loader_alone_is_refused() -> None:
    for data in itertools.permutations((loader(X, Y), Y)):
        with pytest.raises((InvalidData, InvalidArgument)):
            load(data)  # type: ignore[arg-type]  # as the test means it
