"""Drawings of networks: a labelled graph as an SVG picture."""
