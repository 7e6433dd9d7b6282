"""The training of a supernet: which networks learn in a step, and what they are worth afterwards.

A rule chooses the networks of a step (``uniform``, ``fair``, ``sandwich``, ``shrinking``); ``fit``
is the loop; ``scoring`` says how well a network does with the shared weights; ``checkpoint`` keeps
everything in one file.
"""

from bonas.supernets.training.fair import Fair
from bonas.supernets.training.record import FitRecord
from bonas.supernets.training.rule import Rule, Sampler, Step
from bonas.supernets.training.sandwich import Sandwich
from bonas.supernets.training.scoring import InheritedScore
from bonas.supernets.training.shrinking import Shrinking
from bonas.supernets.training.uniform import Uniform

__all__ = [
    "Fair",
    "FitRecord",
    "InheritedScore",
    "Rule",
    "Sampler",
    "Sandwich",
    "Shrinking",
    "Step",
    "Uniform",
]
