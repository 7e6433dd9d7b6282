"""Gradient search: policies over choices, improved by gradients through shared weights.

Their results are candidates for a study, and knowledge; never values.
"""
