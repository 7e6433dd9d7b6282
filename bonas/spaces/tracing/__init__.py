"""A network's graph and costs, from one run in which every torch function is recorded."""

from bonas.spaces.tracing.trace import Trace, traced

__all__ = ["Trace", "traced"]
