"""The style sheet of the charts."""

from __future__ import annotations

from importlib.resources import files


def style() -> str:
    """Return the style sheet: the only place with colours; both palettes have contrasts above 3."""
    return files(__package__).joinpath("charts.css").read_text(encoding="utf-8")
