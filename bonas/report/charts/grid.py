"""Charts side by side."""

from __future__ import annotations

from collections.abc import Sequence

from bonas.report.charts.chart import Chart


def grid(charts: Sequence[Chart], *, small: bool = False) -> str:
    """Return charts in as many columns as the page has room for; empty without a chart."""
    figures = "".join(chart.figure() for chart in charts)
    return f'<div class="figures{" small" if small else ""}">{figures}</div>' if figures else ""


def folded(title: str, content: str) -> str:
    """Return content that is shown on demand; ``title`` is markup, and so is the content."""
    return f"<details><summary>{title}</summary>{content}</details>" if content else ""
