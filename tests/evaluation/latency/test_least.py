"""Facts about the least time of the reference that processes share."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from bonas.evaluation.latency.least import Least, least_on
from bonas.evaluation.latency.rounds import Reference
from bonas.evaluation.latency.timing import timed_on

CPU = torch.device("cpu")


def test_it_only_falls(tmp_path: Path) -> None:
    least = Least(tmp_path / "least.json")
    assert least.read() == math.inf
    assert [least.lower(ms) for ms in (2.0, 3.0, 1.5)] == [2.0, 2.0, 1.5]
    assert least.read() == 1.5
    assert [file.name for file in tmp_path.iterdir()] == ["least.json"]


@pytest.mark.parametrize("text", ["", "nan", "-1", "0", "Infinity", '"1"', "{}", "true"])
def test_what_is_no_time_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "least.json").write_text(text)
    assert Least(tmp_path / "least.json").read() == math.inf


def test_a_folder_that_is_gone_is_no_error(tmp_path: Path) -> None:
    assert Least(tmp_path / "gone" / "least.json").lower(2.0) == 2.0


def test_machines_settings_have_files_of_their_own() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = least_on(CPU).path
        assert least_on(CPU).path == one
        torch.set_num_threads(3)
        assert least_on(CPU).path != one
    finally:
        torch.set_num_threads(before)


def test_a_second_process_measures_its_drift_from_what_the_first_saw(tmp_path: Path) -> None:
    kept = Least(tmp_path / "least.json")
    first = Reference(CPU, timed_on(CPU), kept)
    assert not first.is_settled
    assert first.drift(2.0) == 0
    second = Reference(CPU, timed_on(CPU), kept)
    assert second.is_settled
    assert second.drift(3.0) == pytest.approx(0.5)
