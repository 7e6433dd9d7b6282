"""What a trained supernet is known by: its weights as its training left them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bonas.supernets import Supernet
from tests.trained_supernets import IRIS as _SPACE
from tests.trained_supernets import ON_IRIS as _TRAINING
from tests.trained_supernets import trained


@pytest.fixture(scope="module")
def supernet() -> Supernet:
    return trained(_SPACE, _TRAINING, 20, "uniform")


def test_networks_that_are_asked_for_later_change_nothing(supernet: Supernet) -> None:
    before = supernet.describe()
    for choices in _SPACE:
        supernet.cover(choices)
    assert supernet.describe() == before


def test_another_training_changes_what_it_is_known_by() -> None:
    made = Supernet(_SPACE, _TRAINING)
    made.fit(4, rule="uniform", progress=False)
    before = made.describe()
    made.fit(4, rule="uniform", progress=False)
    assert made.describe() != before


def test_a_file_keeps_what_it_is_known_by(supernet: Supernet, tmp_path: Path) -> None:
    for choices in _SPACE:
        supernet.cover(choices)
    supernet.save(tmp_path / "supernet.pt")
    loaded = Supernet.load(tmp_path / "supernet.pt", _SPACE, _TRAINING)
    assert loaded.describe() == supernet.describe()
    assert torch.equal(
        loaded.store[next(iter(loaded.store))], supernet.store[next(iter(loaded.store))]
    )


def test_a_training_with_a_checkpoint_ends_known_by_the_same(tmp_path: Path) -> None:
    path = tmp_path / "supernet.pt"
    made = Supernet(_SPACE, _TRAINING)
    made.fit(8, rule="uniform", checkpoint=path, progress=False)
    assert Supernet.load(path, _SPACE, _TRAINING).describe() == made.describe()
