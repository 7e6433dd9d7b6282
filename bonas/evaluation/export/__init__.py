"""Export of trained networks: a folder that needs torch alone, checked before it appears."""

from bonas.evaluation.export.builder import Builder
from bonas.evaluation.export.export import Export, export_network
from bonas.evaluation.export.facts import Facts, Value
from bonas.evaluation.export.verification import BrokenExport

__all__ = ["BrokenExport", "Builder", "Export", "Facts", "Value", "export_network"]
