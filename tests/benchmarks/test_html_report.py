"""The benchmark of reports, on a few small studies."""

from __future__ import annotations

import pytest

from bonas.benchmarks.html_report import report_cost_table, report_costs
from bonas.cli import main
from bonas.errors import InvalidArgument


def test_larger_studies_have_larger_reports() -> None:
    small, large = report_costs([5, 120])
    assert small.bytes < large.bytes < 1_000_000
    assert min(small.read, small.written, large.read, large.written) > 0
    assert len(report_cost_table([small, large]).splitlines()) == 3


def test_a_size_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="trials must be a whole number"):
        report_costs([0])


def test_the_command_prints_a_line_per_study(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "html", "--trials", "3"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["trials", "seconds", "kB"]
