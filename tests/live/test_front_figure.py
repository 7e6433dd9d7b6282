"""Facts about the figure of a front that a dashboard shows."""

from __future__ import annotations

from typing import Any

import pytest
from written_studies import stored, trial

from bonas.live.front_figure import front_figure
from bonas.report.searched import Searched


@pytest.mark.parametrize(
    ("latencies", "scale"), [((5.0, 0.04), "log"), ((5.0, 0.4), "linear"), ((), "linear")]
)
def test_an_axis_is_logarithmic_where_that_of_the_report_is(
    latencies: tuple[float, ...], scale: str
) -> None:
    rows = (trial(90.0, latency) for latency in latencies)
    study = stored(*rows, names=["accuracy", "latency"])
    layout: Any = front_figure(Searched.of(study)).layout
    assert (layout.xaxis.type, layout.yaxis.type) == (scale, "linear")
    assert layout.xaxis.title.text == "latency [ms]"
