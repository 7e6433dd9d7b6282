"""Supernets: one set of weights for all networks of a space.

What shared weights say of a network is cheap and not true: it is knowledge for a surrogate, a start
for a training, a source of candidates. It is never the value of a trial.
"""

from bonas.supernets.blocks import declare_blocks
from bonas.supernets.inherited_loss import InheritedLoss
from bonas.supernets.inherited_scores import InheritedScores
from bonas.supernets.slot import Piece, Sharing, Slot
from bonas.supernets.supernet import Supernet

__all__ = [
    "InheritedLoss",
    "InheritedScores",
    "Piece",
    "Sharing",
    "Slot",
    "Supernet",
    "declare_blocks",
]
