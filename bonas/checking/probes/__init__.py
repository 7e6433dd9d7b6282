"""Probes: what the children of a check do, with the user's space and evaluation."""

from bonas.checking.probes.encoding import EncodingProbe
from bonas.checking.probes.network import NetworkProbe
from bonas.checking.probes.space import BuildProbe, SpaceProbe

__all__ = ["BuildProbe", "EncodingProbe", "NetworkProbe", "SpaceProbe"]
