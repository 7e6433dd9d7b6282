"""What to try next, and how it is remembered."""

from bonas.studies.proposing.acquisition import ACQUISITIONS, Acquisition
from bonas.studies.proposing.presets import SURROGATES
from bonas.studies.salvage.rescue import Rescued, rescue
from bonas.studies.sampler import ArchitectureSampler
from bonas.studies.storages.opening import open_storage as open
from bonas.studies.study import open_study
from bonas.studies.transfer.source_task import Knowledge

__all__ = [
    "ACQUISITIONS",
    "SURROGATES",
    "Acquisition",
    "ArchitectureSampler",
    "Knowledge",
    "Rescued",
    "open",
    "open_study",
    "rescue",
]
