"""Recurrent networks over sequences."""

from bonas.spaces.recurrent.space import RecurrentSpace

__all__ = ["RecurrentSpace"]
