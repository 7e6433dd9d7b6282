"""Tables that are read from a folder of the user, and cells whose networks are not built here.

These benchmarks state no licence for their data, so none of it is shipped.
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
from bonas.spaces.cells.cell import cell_edges, cell_graph

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Source:
    """A file of arrays: its name, the arrays that it must hold, and where it comes from."""

    file: str
    arrays: Sequence[str]
    origin: str

    def read(self, folder: str | PathLike[str]) -> Arrays:
        """Read the arrays from the file in ``folder``.

        Raises:
            MissingData: if there is no such file.
            InvalidData: if it cannot be read, or lacks an array.
        """
        path = Path(folder) / self.file
        if not path.is_file():
            raise MissingData(
                f"there is no {self.file} in {str(folder)!r}. It holds {self.origin} as the numpy "
                f"arrays {', '.join(self.arrays)}; pass the folder that contains it"
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
    """Cells of ``nodes`` nodes with one operation per edge, as in ``CellSpace``, without a network.

    ``none`` carries nothing, ``skip_connect`` and ``identity`` pass their input on. Each cell is a
    distinct architecture, since each was trained by itself.
    """

    operations: Sequence[str]
    nodes: int = 4
    identity: Identity = "choices"
    allow_disconnected = True  # such cells were recorded, too

    @cached_property
    def edges(self) -> dict[str, tuple[int, int]]:
        """The (source, target) of each parameter, ordered by target, then source."""
        return cell_edges(self.nodes)

    @cached_property
    def parameters(self) -> Mapping[str, Sequence[str]]:  # type: ignore[override]  # derived here
        """The operations of each edge."""
        return dict.fromkeys(self.edges, self.operations)

    def graph(self, choices: Choices) -> ArchitectureGraph:
        """Return operations as nodes, pruned and with identities contracted."""
        return cell_graph({ends: str(choices[name]) for name, ends in self.edges.items()})
