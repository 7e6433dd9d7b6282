"""What to try next, and how it is remembered."""

from bonas.studies.acquisition import ACQUISITIONS, Acquisition
from bonas.studies.comparison import Comparison, ablate, compare
from bonas.studies.knowledge import Knowledge
from bonas.studies.named import SURROGATES
from bonas.studies.sampler import ArchitectureSampler
from bonas.studies.storage import opened_storage as open
from bonas.studies.study import open_study

__all__ = [
    "ACQUISITIONS",
    "SURROGATES",
    "Acquisition",
    "ArchitectureSampler",
    "Comparison",
    "Knowledge",
    "ablate",
    "compare",
    "open",
    "open_study",
]
