"""What a drawing consists of, with places in CSS pixels from the top left corner."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bonas.drawings.diagram import Box

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PlacedBox:
    """A box; ``x`` and ``y`` are its top left corner."""

    box: Box
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame of a group, with its title."""

    title: str
    x: float
    y: float
    width: float
    height: float
    repeated: bool
    marked: bool


@dataclass(frozen=True, slots=True)
class Line:
    """An edge: points from which smooth curves lead to the next ones, never upwards.

    ``ends`` is whether it ends at a box, with an arrow.
    """

    points: tuple[Point, ...]
    ends: bool


@dataclass(frozen=True, slots=True)
class Note:
    """A small text whose lower left corner is given."""

    text: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Picture:
    """A part of a drawing.

    Attributes:
        width: Of everything in it.
        height: Of everything in it.
        enters: The x at which the line from outside comes in, at the top.
        leaves: The x at which the line to the outside goes out, at the bottom.
        boxes, frames, lines, notes: Its parts.
        turns: Corners of lines from the foot of a column to the head of the next one.
    """

    width: float
    height: float
    enters: float = 0.0
    leaves: float = 0.0
    boxes: list[PlacedBox] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    turns: list[tuple[Point, ...]] = field(default_factory=list)

    def add(self, other: Picture, dx: float, dy: float) -> None:
        """Add another picture, moved; the size of this one stays."""
        self.boxes.extend(replace(b, x=b.x + dx, y=b.y + dy) for b in other.boxes)
        self.frames.extend(replace(f, x=f.x + dx, y=f.y + dy) for f in other.frames)
        self.notes.extend(replace(n, x=n.x + dx, y=n.y + dy) for n in other.notes)
        for line in other.lines:
            points = tuple((x + dx, y + dy) for x, y in line.points)
            self.lines.append(Line(points, line.ends))
