"""NAS-Bench-101: a cell of at most seven nodes and nine edges is searched."""

from bonas.spaces.nas_bench_101.space import NASBench101Space

__all__ = ["NASBench101Space"]
