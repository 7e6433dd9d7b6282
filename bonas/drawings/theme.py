"""The colours and the type of a drawing, light and dark.

Every colour is a CSS property with a value for light and one for dark, which follows the reader's
setting (``prefers-color-scheme``). A page with a setting of its own gives ``--bonas-drawing-...``
properties, which win: ``--bonas-drawing-surface``, ``-ink``, ``-muted``, ``-line``, ``-mark``, and
one per kind of operation, such as ``--bonas-drawing-conv``. A program that knows no CSS
properties shows the light colours, which stand in the attributes, too.
"""

from __future__ import annotations

from bonas.drawings.kinds import Kind

FONT = "Helvetica,Arial,'Liberation Sans',sans-serif"

_LIGHT_DARK = {
    "surface": ("#ffffff", "#16181d"),
    "ink": ("#1c2230", "#e6e9ef"),
    "muted": ("#5b6473", "#9aa4b5"),
    "line": ("#8a93a3", "#6d7789"),
    "group": ("#f4f6f9", "#1e222a"),
    "mark": ("#c2410c", "#fb923c"),
}
_KINDS = {
    Kind.INPUT: ("#dfe3ea", "#3a4150"),
    Kind.OUTPUT: ("#dfe3ea", "#3a4150"),
    Kind.CONVOLUTION: ("#cfe2ff", "#1f3f70"),
    Kind.POOLING: ("#c9eef0", "#134a50"),
    Kind.NORM: ("#e4e0f7", "#3b3566"),
    Kind.ACTIVATION: ("#ffe9b8", "#5c4610"),
    Kind.ATTENTION: ("#fbd5e6", "#6a2346"),
    Kind.LINEAR: ("#d3efcf", "#214d20"),
    Kind.RECURRENT: ("#ffd9c2", "#693618"),
    Kind.JOIN: ("#ffffff", "#16181d"),
    Kind.IDENTITY: ("#ffffff", "#16181d"),
    Kind.NOTHING: ("#ffffff", "#16181d"),
    Kind.BLOCK: ("#e9edf3", "#2a303b"),
    Kind.OTHER: ("#eceef2", "#2c323d"),
}
"""A kind -> the fill of its boxes, light and dark."""

_COLOURS = {**_LIGHT_DARK, **{str(kind): pair for kind, pair in _KINDS.items()}}


def light(name: str) -> str:
    """Return a colour of the light drawing, by its name or by a kind."""
    return _COLOURS[name][0]


def properties(*, dark: bool) -> str:
    """Return the CSS properties by which a page gives all drawings light or dark colours."""
    return "".join(f"--bonas-drawing-{name}:{pair[dark]};" for name, pair in _COLOURS.items())


def style(kinds: set[Kind]) -> str:
    """Return the style sheet of a drawing that has these kinds of operations.

    It touches nothing outside drawings, and is the same wherever it stands: several on a page do
    not contradict each other.
    """
    names = [*_LIGHT_DARK, *sorted(map(str, kinds))]
    private = ["".join(f"--d-{n}:{_COLOURS[n][i]};" for n in names) for i in (0, 1)]
    rules = [
        f".bonas-net{{{private[0]}}}",
        f"@media(prefers-color-scheme:dark){{.bonas-net{{{private[1]}}}}}",
        *(f".bonas-net .d-{n}{{fill:{_property(n)}}}" for n in names if n != "line"),
        f".bonas-net .d-l{{stroke:{_property('line')}}}",
        f".bonas-net .d-a{{fill:{_property('line')}}}",
        f".bonas-net .d-halo{{stroke:{_property('surface')}}}",
        f".bonas-net .d-m{{stroke:{_property('mark')}}}",
    ]
    return "".join(rules)


def _property(name: str) -> str:
    return f"var(--bonas-drawing-{name},var(--d-{name}))"
