"""A drawing: the text of one SVG picture that stands on its own."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from bonas.errors import InvalidArgument
from bonas.texts import shown


@dataclass(frozen=True, slots=True)
class Drawing:
    """One SVG picture, without scripts, without ids and without references to anything outside.

    It can stand in an HTML page several times. Its colours follow the reader's light or dark
    setting; a page that has a setting of its own gives the properties of ``bonas.drawings.theme``.

    Attributes:
        svg: The text of the picture, from ``<svg`` to ``</svg>``.
        width: In CSS pixels; the picture shrinks to the width of its surroundings.
        height: In CSS pixels.
    """

    svg: str = field(repr=False)
    width: int
    height: int

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to a file whose name ends in ``.svg``, and return its path.

        Raises:
            InvalidArgument: for another ending. Errors of the file system are passed on.
        """
        target = svg_path(path)
        target.write_text(self.svg + "\n", encoding="utf-8")
        return target

    def _repr_svg_(self) -> str:
        return self.svg


def svg_path(path: str | os.PathLike[str]) -> Path:
    """Return the path of a picture.

    Raises:
        InvalidArgument: unless its name ends in ``.svg``.
    """
    target = Path(path)
    if target.suffix.lower() != ".svg":
        raise InvalidArgument(
            f"expected a file name that ends in .svg, got {shown(os.fspath(path))}; a browser "
            "prints an SVG file as a PDF, and Inkscape or rsvg-convert turn it into a PNG"
        )
    return target
