"""A look-up table of latencies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_searches import SPACE

from bonas.errors import InvalidArgument, InvalidData
from bonas.evaluation import Candidate
from bonas.evaluation.remote import LatencyTable, LocalDevice, Measured

pytest.importorskip("onnxruntime", reason="onnxruntime is missing: pip install bonas[onnx]")
RANDOM = np.random.default_rng(1)
CELLS = [Candidate.without_trial(SPACE, SPACE.sample(RANDOM)) for _ in range(3)]


class Counting(LocalDevice):
    """A device on which each model takes 2 ms, and a whole network 7 ms more than the sum."""

    def __init__(self) -> None:
        super().__init__()
        self.__dict__["sizes"] = []

    def identity(self) -> dict[str, Any]:
        return {"id": "counting"}

    def measure(self, models: Sequence[Any], **settings: Any) -> list[Measured]:
        self.__dict__["sizes"].append(len(models))
        return [Measured(latency=2.0, sd=0.1, iqr=0.1, reference=1.0, drift=0.0) for _ in models]


def test_each_operation_is_measured_once() -> None:
    device = Counting()
    table = LatencyTable(device, (3, 8, 8))
    first = table(CELLS[0])["latency"]
    assert sum(device.__dict__["sizes"]) == len(table.entries)
    assert first >= 2.0 * len(table.entries)
    assert first % 2.0 == 0.0
    before = len(device.__dict__["sizes"])
    assert table(CELLS[0])["latency"] == first
    assert len(device.__dict__["sizes"]) == before


def test_an_unknown_operation_is_refused_without_a_device() -> None:
    with pytest.raises(InvalidArgument, match=r"others such as conv2d.*give the table a device"):
        LatencyTable(None, (3, 8, 8))(CELLS[0])


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    table = LatencyTable(Counting(), (3, 8, 8), scale=0.5, constant=0.25)
    table(CELLS[0])
    table.save(tmp_path / "table.json")
    loaded = LatencyTable.load(tmp_path / "table.json")
    assert loaded(CELLS[0]) == table(CELLS[0])
    assert loaded.identity == {"id": "counting"}
    assert loaded.describe() == table.describe()
    assert json.loads(json.dumps(table.describe())) == table.describe()


def test_a_table_of_another_device_is_refused(tmp_path: Path) -> None:
    table = LatencyTable(Counting(), (3, 8, 8))
    table(CELLS[0])
    table.identity["id"] = "another"
    table.save(tmp_path / "table.json")
    with pytest.raises(InvalidData, match=r"one of .*another"):
        LatencyTable.load(tmp_path / "table.json", Counting())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"entries": {"a": "x"}}'])
def test_what_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "table.json").write_text(text)
    with pytest.raises(InvalidData, match="expected a latency table"):
        LatencyTable.load(tmp_path / "table.json")


def test_the_line_is_that_of_least_relative_error(monkeypatch: pytest.MonkeyPatch) -> None:
    table = LatencyTable(Counting(), (3, 8, 8))
    sums = dict(zip(map(id, CELLS), (1.0, 2.0, 4.0), strict=True))
    monkeypatch.setattr(LatencyTable, "sum", lambda self, candidate: sums[id(candidate)])
    whole = iter((0.9, 1.4, 2.4))  # 0.4 + 0.5 * sum
    answers = [Measured(latency=ms, reference=1.0, drift=0.0, sd=0.0, iqr=0.0) for ms in whole]
    monkeypatch.setattr(Counting, "measure", lambda self, models, **more: [answers.pop(0)])
    table.fit(CELLS)
    assert (table.scale, table.constant) == pytest.approx((0.5, 0.4))


def test_a_line_needs_two_networks() -> None:
    with pytest.raises(InvalidArgument, match="at least 2 networks"):
        LatencyTable(Counting()).fit(CELLS[:1])


def test_operations_are_measured_on_this_machine(tmp_path: Path) -> None:
    device = LocalDevice(lock=str(tmp_path / "lock"))
    table = LatencyTable(device, (3, 8, 8), seconds=0.01)
    assert table(CELLS[0])["latency"] > 0
    assert table.identity == device.identity()
    device.close()
