"""Transformers: kinds of attention, mixtures of experts, and key-value caches."""

from bonas.spaces.transformers.space import TransformerSpace

__all__ = ["TransformerSpace"]
