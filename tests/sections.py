"""What a section of a report shows, read back from its markup."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np

from bonas.report.section import Section


def charts_of(section: Section) -> list[ElementTree.Element]:
    """Return the figures of a section; its markup is well-formed."""
    root = ElementTree.fromstring(f"<div>{section.html.replace('&nbsp;', ' ')}</div>")
    return [each for each in root.iter("figure") if "chart" in each.get("class", "")]


def drawn(chart: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    """Return the elements of a class, without those of the legend."""
    (svg,) = [each for each in chart.iter("svg") if each.get("viewBox") != "0 0 24 12"]
    return [each for each in svg.iter() if name in each.get("class", "").split()]


def marks(chart: ElementTree.Element, series: str) -> list[ElementTree.Element]:
    """Return the points, ticks and spans of a series, each an element of its own."""
    found = drawn(chart, series)
    parts = [part for each in found for part in (each if each.tag == "g" else [each])]
    return [part for part in parts if part.get("data-trial") is not None]


def scale(chart: ElementTree.Element, axis: str) -> tuple[float, float]:
    """Return slope and intercept from coordinates to values, by the labels of the ticks."""
    anchor, shift = {"x": ("middle", 0.0), "y": ("end", 4.0)}[axis]
    ticks = [t for t in drawn(chart, "tick") if t.get("text-anchor") == anchor]
    places = [float(t.get(axis, "")) - shift for t in ticks]
    slope, intercept = np.polyfit(places, [_number(t.text or "") for t in ticks], 1)
    return float(slope), float(intercept)


def line_values(chart: ElementTree.Element, order: int = 0) -> list[float]:
    """Return the values on y of a line of the chart."""
    path = drawn(chart, "line")[order].get("d", "")
    slope, intercept = scale(chart, "y")
    pattern = r"V(-?[\d.]+)" if "V" in path else r"-?[\d.]+ (-?[\d.]+)"
    first = re.findall(r"M-?[\d.]+ (-?[\d.]+)", path)
    found = [*first, *re.findall(pattern, path)] if "V" in path else re.findall(pattern, path)
    return [slope * float(y) + intercept for y in found]


def _number(text: str) -> float:
    factors = {"k": 1e3, "M": 1e6}
    plain = text.replace(",", "")
    return float(plain[:-1]) * factors[plain[-1]] if plain[-1] in factors else float(plain)
