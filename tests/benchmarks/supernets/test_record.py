"""The record of measurements: what an end at any line leaves, and files of something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bonas.benchmarks.supernets.record import Record
from bonas.errors import InvalidData


def _never() -> float:
    raise AssertionError("it was measured again")


def test_a_value_is_measured_once(tmp_path: Path) -> None:
    record = Record(tmp_path / "new" / "a.jsonl", {"epochs": 1})
    assert record.value("training", 3, 0, lambda: 97.5) == 97.5
    assert record.value("training", 3, 0, _never) == 97.5
    again = Record(tmp_path / "new" / "a.jsonl", {"epochs": 1})
    assert again.value("training", 3, 0, _never) == 97.5
    assert len(again.seconds("training")) == 1


def test_names_networks_and_seeds_are_apart(tmp_path: Path) -> None:
    record = Record(tmp_path / "a.jsonl", {})
    keys = [("a", 0, 0), ("b", 0, 0), ("a", 1, 0), ("a", 0, 1)]
    for i, key in enumerate(keys):
        record.value(*key, lambda i=i: float(i))
    assert [record.value(*key, _never) for key in keys] == [0, 1, 2, 3]


def test_a_line_that_was_cut_off_is_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    record = Record(path, {})
    record.value("a", 0, 0, lambda: 1.0)
    record.value("a", 1, 0, lambda: 2.0)
    path.write_text(path.read_text()[:-9])
    again = Record(path, {})
    assert again.value("a", 0, 0, _never) == 1.0
    assert again.value("a", 1, 0, lambda: 5.0) == 5.0
    assert Record(path, {}).value("a", 1, 0, _never) == 5.0


def test_a_head_that_was_cut_off_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"epo')
    Record(path, {"epochs": 1}).value("a", 0, 0, lambda: 1.0)
    assert Record(path, {"epochs": 1}).value("a", 0, 0, _never) == 1.0


def test_measurements_of_something_else_are_refused(tmp_path: Path) -> None:
    Record(tmp_path / "a.jsonl", {"epochs": 1})
    with pytest.raises(InvalidData, match="use another folder"):
        Record(tmp_path / "a.jsonl", {"epochs": 2})
