"""Tables that are read from a folder of the user's, and cells whose networks are not built here.

These benchmarks state no licence for their data, so that nothing of them is shipped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from bonas.errors import InvalidData, MissingData
from bonas.spaces import ArchitectureGraph, Choices, Identity, Space
from bonas.spaces.cells.space import cell_edges, cell_graph

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Source:
    """A file of arrays: its name, the arrays that it must hold, and where it comes from."""

    file: str
    arrays: Sequence[str]
    origin: str

    def read(self, folder: str | PathLike[str]) -> Arrays:
        """The arrays, from the file in ``folder``.

        Raises:
            MissingData: if there is no such file.
            InvalidData: if it cannot be read, or lacks an array.
        """
        path = Path(folder) / self.file
        if not path.is_file():
            raise MissingData(
                f"there is no {self.file} in {str(folder)!r}. It holds {self.origin} as the numpy "
                f"arrays {', '.join(self.arrays)}; pass the folder that it lies in"
            )
        try:
            with np.load(path) as archive:
                return {name: archive[name] for name in self.arrays}
        except (KeyError, ValueError, EOFError, OSError, BadZipFile) as error:
            raise InvalidData(
                f"cannot read the arrays {', '.join(self.arrays)} from {str(path)!r}: {error}"
            ) from error


@dataclass(frozen=True)
class RecordedCells(Space):
    """Cells of ``nodes`` nodes with an operation on each edge, as in ``CellSpace``; none is built.

    ``none`` carries nothing, ``skip_connect`` or ``identity`` passes on. Each cell is an
    architecture of its own, since it was trained by itself.
    """

    operations: Sequence[str]
    nodes: int = 4
    identity: Identity = "choices"
    allow_disconnected = True  # what was recorded is a row

    @cached_property
    def edges(self) -> dict[str, tuple[int, int]]:
        """The parameter's name -> (source, target), ordered by target, then source."""
        return cell_edges(self.nodes)

    @cached_property
    def parameters(self) -> Mapping[str, Sequence[str]]:  # type: ignore[override]  # derived here
        """One operation an edge."""
        return dict.fromkeys(self.edges, self.operations)

    def graph(self, choices: Choices) -> ArchitectureGraph:
        """Operations as nodes, pruned and with identities contracted."""
        return cell_graph({ends: str(choices[name]) for name, ends in self.edges.items()})
