"""Recurrent networks over sequences."""

from bonas.spaces.recurrent_nets.recurrent import RecurrentSpace

__all__ = ["RecurrentSpace"]
