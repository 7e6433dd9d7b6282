"""Blocks: several encoders, shifted and scaled."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from bonas.encoders import (
    ENCODERS,
    Blocks,
    DeclaresScaling,
    Encoder,
    GNNEncoder,
    OneHot,
    check_encoder,
    shared_blocks,
)
from bonas.encoders import blocks as module
from bonas.errors import InvalidArgument
from bonas.spaces import (
    Architecture,
    CellSpace,
    Space,
)
from bonas.testing import EncoderContract


class TestBlocks(EncoderContract):
    """All side by side."""

    def encoder(self, space: Space) -> Encoder:
        gnn = GNNEncoder(space, members=2, steps=20)
        return _Named(Blocks(space, ["one_hot", "paths", "statistics", gnn]))


class _Named:
    name = "blocks"

    def __init__(self, blocks: Blocks) -> None:
        self.blocks = blocks
        self.width = blocks.width

    def encode(self, architectures: list[Architecture]) -> torch.Tensor:
        return self.blocks.encode(architectures)


@pytest.fixture(scope="module")
def space() -> CellSpace:
    return CellSpace(nodes=4, operations=("none", "skip_connect", "nor_conv_3x3"))


def test_blocks_have_mean_zero_and_total_variance_one_over_the_reference_set(
    space: CellSpace,
) -> None:
    blocks = Blocks(space, ["one_hot", "paths", "statistics"])
    X = blocks.encode(list(space.reference))
    assert float(X.mean(0).abs().max()) < 1e-9
    for columns in blocks.slices.values():
        assert float(X[:, columns].square().sum(1).mean()) == pytest.approx(1.0)


def test_an_architecture_is_encoded_once(space: CellSpace) -> None:
    calls: list[int] = []

    class Counting(OneHot):
        def encode(self, architectures: list[Architecture]) -> torch.Tensor:
            calls.append(len(architectures))
            return super().encode(architectures)

    blocks = Blocks(space, [Counting(space)])
    calls.clear()
    first = blocks.encode(list(space.reference[:5]))
    again = blocks.encode(list(space.reference[:6]))
    assert calls == [5, 1]
    assert torch.equal(first, again[:5])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("onehot", "unknown encoder 'onehot'; expected one of 'gnn', 'graf', 'one_hot'"),
        (3, "expected the name of an encoder"),
    ],
)
def test_what_is_no_encoder_is_refused(given: object, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        check_encoder(given)


def test_a_name_may_come_once(space: CellSpace) -> None:
    with pytest.raises(InvalidArgument, match="different names"):
        Blocks(space, ["one_hot", "one_hot"])
    with pytest.raises(InvalidArgument, match="different names"):
        Blocks(space, [])


class Scaled(OneHot):
    """One-hot choices, the second column a thousand times the others."""

    def encode(self, architectures: Sequence[Architecture]) -> torch.Tensor:
        X = super().encode(architectures)
        X[:, 1] *= 1e3
        return X


def test_an_encoder_declares_how_its_columns_are_scaled(space: CellSpace) -> None:
    some = list(space.reference)
    raw = Scaled(space).encode(some)
    for scaling in ("columns", "block", "none"):
        encoder = Scaled(space)
        encoder.scaling = scaling  # type: ignore[attr-defined]  # as users declare it
        assert isinstance(encoder, DeclaresScaling)
        X = Blocks(space, [encoder]).encode(some)
        sds = X.std(0, correction=0)
        if scaling == "none":
            assert torch.equal(X, raw)
            continue
        assert float(X.square().sum(1).mean()) == pytest.approx(1.0)
        ratio = float(sds[1] / sds[0])
        expected = raw[:, 1].std(correction=0) / raw[:, 0].std(correction=0)
        assert ratio == pytest.approx(1.0 if scaling == "columns" else float(expected))


def test_an_unknown_scaling_is_refused(space: CellSpace) -> None:
    encoder = OneHot(space)
    encoder.scaling = "rows"  # type: ignore[attr-defined]  # on purpose
    with pytest.raises(
        InvalidArgument, match=r"unknown scaling of the encoder .* 'rows'; expected"
    ):
        Blocks(space, [encoder])


def test_named_blocks_of_one_space_are_shared_and_others_are_not() -> None:
    space, twin = CellSpace(nodes=3), CellSpace(nodes=3)
    shared = shared_blocks(space, ["one_hot", "statistics"])
    assert shared_blocks(space, ("one_hot", "statistics")) is shared
    assert shared_blocks(space, ["statistics", "one_hot"]) is not shared
    assert shared_blocks(space, [OneHot(space), "statistics"]) is not shared
    assert (shared_blocks(twin, ["one_hot", "statistics"]) is shared) == (twin == space)


def test_a_space_that_cannot_be_hashed_gets_blocks_of_its_own() -> None:
    class Unhashable(CellSpace):
        __hash__ = None  # type: ignore[assignment]  # on purpose

    space = Unhashable(nodes=2)
    assert shared_blocks(space, ["one_hot"]) is not shared_blocks(space, ["one_hot"])


def test_the_cache_is_emptied_when_it_is_full(
    space: CellSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_KEPT", 4)
    blocks = Blocks(space, ["one_hot"])
    some = list(space.reference[:7])
    first = blocks.encode(some)
    assert not blocks._rows
    assert torch.equal(blocks.encode(some), first)


def test_nothing_is_encoded_as_no_rows(space: CellSpace) -> None:
    assert Blocks(space, ["one_hot", "statistics"]).encode([]).shape[0] == 0


def test_no_encoder_leaves_a_file_behind(
    space: CellSpace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    names = [name for name in ENCODERS if name != "gnn"]
    Blocks(space, [*names, GNNEncoder(space, members=1, steps=1)]).encode(space.reference[:3])
    assert list(tmp_path.iterdir()) == []
