"""The folder of a report."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from comparisons import NAN, small_comparison, small_run

from bonas.benchmarks import Comparison
from bonas.benchmarks.comparison import RunKey
from bonas.benchmarks.report import write
from bonas.benchmarks.tables.reference import Reference
from bonas.errors import InvalidArgument
from bonas.evaluation import ACCURACY


def test_everything_is_written_into_one_folder(tmp_path: Path) -> None:
    report = write(small_comparison(), tmp_path / "deep" / "report")
    names = {path.name for path in report.parent.iterdir()}
    pictures = {"trace-one.png", "trace-two-a-b.png", "seconds.png"}
    assert names == {"report.md", "metrics.csv", *pictures}
    for name in pictures:
        assert f"({name})" in report.read_text(encoding="utf-8")
        assert (report.parent / name).read_bytes()[:4] == b"\x89PNG"


def test_nothing_is_written_for_a_baseline_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument):
        write(small_comparison(), tmp_path / "report", baseline="best")
    assert not (tmp_path / "report").exists()


def test_the_csv_holds_every_number(tmp_path: Path) -> None:
    made = small_comparison()
    with (write(made, tmp_path).parent / "metrics.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert list(rows[0]) == ["problem", "method", "seed", "metric", "at", "value"]
    gaps = [row for row in rows if (row["metric"], row["at"]) == ("gap", "4")]
    assert len(gaps) == 6 * 5
    array = made.array("gap", 4)
    for row in gaps:
        i = list(made.problems).index(row["problem"])
        j = list(made.methods).index(row["method"])
        assert float(row["value"]) == pytest.approx(array[i, j, int(row["seed"])], nan_ok=True)
    queries = [row for row in rows if row["metric"] == "queries"]
    assert {row["at"] for row in queries} == {""}


def test_a_comparison_of_nothing_has_a_report_too(tmp_path: Path) -> None:
    reference = Reference.of((ACCURACY,), [[NAN]], exact=False)
    failed = RunKey("one", "m", 0)
    made = Comparison({"one": reference}, ["m", "n"], [0], 1, {failed: small_run(failed, [[NAN]])})
    text = write(made, tmp_path).read_text(encoding="utf-8")
    assert "Failed: 1 evaluation of m." in text
    assert "Left out (not run): n." in text
