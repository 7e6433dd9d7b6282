"""DARTS: two cells are searched, in each of which every node has two inputs."""

from bonas.spaces.darts.space import DARTSSpace

__all__ = ["DARTSSpace"]
