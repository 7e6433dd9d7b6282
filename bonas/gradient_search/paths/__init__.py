"""Sampled paths: single networks with shared weights, drawn by the policy that they improve."""
