"""The source of a network: Python that builds and runs it with torch alone."""

from bonas.evaluation.export.source.expressions import NoSource
from bonas.evaluation.export.source.network_source import NetworkSource, source_of

__all__ = ["NetworkSource", "NoSource", "source_of"]
