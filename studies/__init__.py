"""What to try next, and how it is remembered."""

from bonas.studies.comparison import Comparison, ablate, compare
from bonas.studies.planning.acquisition import ACQUISITIONS, Acquisition
from bonas.studies.planning.knowledge import Knowledge
from bonas.studies.planning.named import SURROGATES
from bonas.studies.salvage.rescue import Rescued, rescue
from bonas.studies.sampler import ArchitectureSampler
from bonas.studies.storages.opening import opened_storage as open
from bonas.studies.study import open_study

__all__ = [
    "ACQUISITIONS",
    "SURROGATES",
    "Acquisition",
    "ArchitectureSampler",
    "Comparison",
    "Knowledge",
    "Rescued",
    "ablate",
    "compare",
    "open",
    "open_study",
    "rescue",
]
