"""Facts about the rows that set the ranges of a quantised network."""

from __future__ import annotations

import pytest
import torch

import bonas
from bonas.errors import InvalidArgument
from bonas.evaluation.runtimes.calibration import ROWS, calibration_rows
from bonas.spaces import Example, NASBench201
from bonas.spaces.mlp.space import MLPSpace

DIGITS = NASBench201(channels=4, cells=1, image_size=8, in_channels=1)


def test_given_rows_are_taken() -> None:
    rows = torch.rand(5, 6)
    (found,) = calibration_rows(MLPSpace(6, 4), Example.of(torch.zeros(1, 6)), rows)
    assert found.first is rows
    several = calibration_rows(MLPSpace(6, 4), Example.of(torch.zeros(1, 6)), [rows, rows[:2]])
    assert [batch.rows for batch in several] == [5, 2]


def test_data_give_training_rows() -> None:
    data = bonas.evaluation.load("digits")
    (found,) = calibration_rows(DIGITS, Example.of(torch.zeros(1, 1, 8, 8)), data)
    assert found.first.shape == (ROWS, 1, 8, 8)
    assert len(found.first.unique()) > 10


def test_rows_stand_for_data_that_are_not_given() -> None:
    (images,) = calibration_rows(DIGITS, Example.of(torch.zeros(1, 1, 8, 8)))
    assert images.first.shape == (ROWS, 1, 8, 8)
    (noise,) = calibration_rows(MLPSpace(5, 2), Example.of(torch.zeros(1, 5)))
    assert noise.first.shape == (ROWS, 5)
    assert len(noise.first.unique()) > 10


def test_integers_of_an_example_stay_valid_indices() -> None:
    @bonas.space(input={"ids": torch.tensor([[3, 1]]), "scale": torch.ones(1, 1)})
    def family(choose: object) -> torch.nn.Module:
        raise NotImplementedError  # no network is needed

    example = Example.of({"ids": torch.tensor([[3, 1]]), "scale": torch.ones(1, 1)})
    (found,) = calibration_rows(family, example)
    assert set(found.named["ids"].unique().tolist()) <= {1, 3}


@pytest.mark.parametrize(
    "rows", [torch.rand(5, 7), torch.rand(5, 6).double(), (torch.rand(5, 6),) * 2]
)
def test_rows_unlike_the_example_are_refused(rows: object) -> None:
    with pytest.raises(InvalidArgument, match="rows like the example"):
        calibration_rows(MLPSpace(6, 4), Example.of(torch.zeros(1, 6)), rows)
