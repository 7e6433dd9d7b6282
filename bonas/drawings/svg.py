"""A picture as the text of an SVG file.

Whatever comes from a network is escaped. There are no ids, so that several drawings can stand in
one page, and no scripts or references. What a program does without style sheets is shown by the
attributes, light.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from bonas.drawings.diagram import Row
from bonas.drawings.drawing import Drawing
from bonas.drawings.geometry import Frame, Line, Picture, PlacedBox, Point
from bonas.drawings.kinds import Kind
from bonas.drawings.placement import ROW, SMALL, TEXT, is_symbol, shown_text
from bonas.drawings.text_width import text_width, wrapped
from bonas.drawings.theme import FONT, light, style

MARGIN = 12
_LEGEND = 16  # the height of a line under the drawing
_SIGN = 40.0  # room for the sign before a line, and behind it
_NARROWEST = 360.0  # of a drawing with a legend
_OUTLINED = frozenset({Kind.JOIN, Kind.IDENTITY, Kind.NOTHING, Kind.BLOCK})
_IDLE = frozenset({Kind.IDENTITY, Kind.NOTHING})
_ROUND = 8.0  # of a line's corner


def drawing_of(picture: Picture, title: str, legend: Sequence[tuple[str, bool]] = ()) -> Drawing:
    """Return the drawing of a picture.

    Args:
        picture: What is drawn.
        title: What a screen reader says.
        legend: Sentences under the drawing, and whether the sign of a marked box stands before
            each.
    """
    lines = _wrapped(picture, legend)
    width, height = _size(picture, lines)
    kinds = {row.kind for placed in picture.boxes for row in placed.box.rows}
    left = max(0.0, (width - 2 * MARGIN - picture.width) / 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="bonas-net" role="img" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'style="max-width:100%;height:auto" font-family="{FONT}" font-size="{_n(TEXT)}" '
        f'text-anchor="middle"><title>{text(title)}</title><style>{style(kinds)}</style>',
        f'<rect class="d-surface" width="{width}" height="{height}" rx="6" fill="#fff"/>',
        f'<g class="d-ink" fill="{light("ink")}" '
        f'transform="translate({_n(MARGIN + left)} {MARGIN})">',
        *map(_frame, sorted(picture.frames, key=lambda frame: -frame.width * frame.height)),
        _lines(picture),
        _notes(picture),
        *map(_box, picture.boxes),
        *(_frame_title(frame) for frame in picture.frames if frame.title),
        "</g>",
        *_legend(lines, height),
        "</svg>",
    ]
    return Drawing("".join(parts), width, height)


def _wrapped(picture: Picture, legend: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Return the lines of the legend, the first of each sentence with its sign."""
    most = 0.92 * max(picture.width, _NARROWEST) - _SIGN  # fonts differ most in long lines
    return [
        (line, marked and i == 0)
        for sentence, marked in legend
        for i, line in enumerate(wrapped(sentence, SMALL, most))
    ]


def _size(picture: Picture, legend: Sequence[tuple[str, bool]]) -> tuple[int, int]:
    """Return the width and height of the whole drawing."""
    wide = max([picture.width, *(text_width(line, SMALL) + _SIGN for line, _ in legend)])
    notes = [note.x + text_width(note.text, SMALL) for note in picture.notes]
    high = picture.height + (_LEGEND * len(legend) + 4 if legend else 0)
    return round(max([wide, *notes])) + 2 * MARGIN, round(high) + 2 * MARGIN


def text(value: str) -> str:
    """Return a text as it can stand in XML, in an element or in quotes."""
    clean = "".join(c if c in "\t\n" or _is_xml(c) else "\ufffd" for c in value)
    return escape(clean)


def _is_xml(letter: str) -> bool:
    code = ord(letter)
    return 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or code >= 0x10000


def _box(placed: PlacedBox) -> str:
    """Return a box: a rectangle and a caption for each row."""
    if is_symbol(placed.box):
        return _symbol(placed)
    rows = [_row(row, placed, placed.y + i * ROW) for i, row in enumerate(placed.box.rows)]
    return "".join(rows)


def _row(row: Row, placed: PlacedBox, y: float) -> str:
    shape = f'x="{_n(placed.x)}" y="{_n(y)}" width="{_n(placed.width)}" height="{_n(ROW)}"'
    ends = row.kind in (Kind.INPUT, Kind.OUTPUT)
    corner = f'rx="{_n(ROW / 2) if ends else 4}"'
    back = ""
    if row.kind is Kind.BLOCK:  # a card behind the card
        behind = f'x="{_n(placed.x + 4)}" y="{_n(y + 4)}" width="{_n(placed.width)}"'
        back = f'<rect {behind} height="{_n(ROW)}" rx="4" {_look(row)}/>'
    rect = f"<rect {shape} {corner} {_look(row)}/>"
    caption = text(shown_text(row, placed.box.times))
    bold = ' font-weight="700"' if row.marked else ""
    middle = f'x="{_n(placed.x + placed.width / 2)}" y="{_n(y + ROW / 2 + 4.2)}"'
    words = f"<text {middle}{bold}>{caption}</text>"
    return f"<g>{_tooltip(row)}{back}{rect}{words}</g>"


def _symbol(placed: PlacedBox) -> str:
    row, radius = placed.box.last, placed.width / 2
    x, y = placed.x + radius, placed.y + radius
    ring = f'cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" {_look(row)}'
    sign = f'<text x="{_n(x)}" y="{_n(y + 5)}" font-size="15">{text(row.text)}</text>'
    return f"<g>{_tooltip(row)}<circle {ring}/>{sign}</g>"


def _tooltip(row: Row) -> str:
    return f"<title>{text(row.detail)}</title>" if row.detail != shown_text(row) else ""


def _look(row: Row) -> str:
    """Return fill and outline: thick where a row is marked, dashed where nothing is computed."""
    outlined = " d-m" if row.marked else " d-l" if row.kind in _OUTLINED else ""
    return f'class="d-{row.kind}{outlined}" fill="{light(row.kind)}"{_stroke(row)}'


def _stroke(row: Row) -> str:
    if row.marked:
        return f' stroke="{light("mark")}" stroke-width="2.5"'
    if row.kind in _OUTLINED:
        dashes = ' stroke-dasharray="4 3"' if row.kind in _IDLE else ""
        return f' stroke="{light("line")}"{dashes}'
    return ""


def _frame(frame: Frame) -> str:
    corner = f'x="{_n(frame.x)}" y="{_n(frame.y)}"'
    size = f'width="{_n(frame.width)}" height="{_n(frame.height)}" rx="8"'
    colours = f'class="d-group d-l" fill="{light("group")}" stroke="{light("line")}"'
    return f"<rect {corner} {size} {colours}/>"


def _frame_title(frame: Frame) -> str:
    ink = f'class="d-muted" fill="{light("muted")}"'
    place = f'x="{_n(frame.x + 8)}" y="{_n(frame.y + 13)}"'
    return (
        f'<text {place} {ink} font-size="{_n(SMALL)}" font-weight="700" text-anchor="start">'
        f"{text(frame.title)}</text>"
    )


def _lines(picture: Picture) -> str:
    """Return all edges as one path, and all arrows as another."""
    paths = [_curve(line) for line in picture.lines]
    paths += [_corners(points) for points in picture.turns]
    heads = sorted({line.points[-1] for line in picture.lines if line.ends})
    colour = light("line")
    arrows = "".join(f"M{_n(x)} {_n(y)}l-3.5-6h7z" for x, y in heads)
    return (
        f'<path class="d-l" fill="none" stroke="{colour}" stroke-width="1.4" d="{"".join(paths)}"/>'
        f'<path class="d-a" fill="{colour}" d="{arrows}"/>'
    )


def _curve(line: Line) -> str:
    """Return a line: straight down where x stays, else a curve that begins and ends vertically."""
    (x, y), *_ = line.points
    parts = [f"M{_n(x)} {_n(y)}"]
    for (x, y), (to_x, to_y) in pairwise(line.points):
        if x == to_x:
            parts.append(f"V{_n(to_y)}")
        else:
            middle = (y + to_y) / 2
            parts.append(f"C{_n(x)} {_n(middle)} {_n(to_x)} {_n(middle)} {_n(to_x)} {_n(to_y)}")
    return "".join(parts)


def _corners(points: Sequence[Point]) -> str:
    """Return a line of horizontal and vertical pieces with round corners."""
    parts = [f"M{_n(points[0][0])} {_n(points[0][1])}"]
    for (ax, ay), (bx, by), (cx, cy) in zip(points, points[1:], points[2:], strict=False):
        before, after = _towards((bx, by), (ax, ay)), _towards((bx, by), (cx, cy))
        parts.append(f"L{_n(before[0])} {_n(before[1])}")
        parts.append(f"Q{_n(bx)} {_n(by)} {_n(after[0])} {_n(after[1])}")
    parts.append(f"L{_n(points[-1][0])} {_n(points[-1][1])}")
    return "".join(parts)


def _towards(start: Point, end: Point) -> Point:
    """Return the point a corner's radius, at most half the way, from one point to another."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    way = abs(dx) + abs(dy)
    share = min(_ROUND, way / 2) / way if way else 0.0
    return start[0] + dx * share, start[1] + dy * share


def _notes(picture: Picture) -> str:
    if not picture.notes:
        return ""
    words = [f'<text x="{_n(n.x)}" y="{_n(n.y)}">{text(n.text)}</text>' for n in picture.notes]
    return (
        f'<g class="d-muted d-halo" fill="{light("muted")}" stroke="{light("surface")}" '
        f'stroke-width="3" stroke-linejoin="round" paint-order="stroke" font-size="{_n(SMALL)}" '
        f'text-anchor="start">{"".join(words)}</g>'
    )


def _legend(legend: Sequence[tuple[str, bool]], height: int) -> list[str]:
    """Return the lines under the drawing."""
    found = []
    for i, (line, marked) in enumerate(reversed(legend)):
        y = height - MARGIN - i * _LEGEND
        sign = (
            f'<rect x="{MARGIN}" y="{y - 9}" width="14" height="10" rx="2" fill="none" '
            f'stroke="{light("mark")}" class="d-m" stroke-width="2.5"/>'
        )
        found.append(
            f'{sign if marked else ""}<text x="{MARGIN + 20}" y="{y}" text-anchor="start" '
            f'class="d-muted" fill="{light("muted")}" font-size="{_n(SMALL)}">{text(line)}</text>'
        )
    return found


def _n(value: float) -> str:
    """Return a number with at most one decimal."""
    rounded = f"{value:.1f}"
    return rounded[:-2] if rounded.endswith(".0") else rounded
