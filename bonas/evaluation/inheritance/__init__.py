"""Inherited weights: a network that starts with what a similar one has learnt.

Chen, Goodfellow and Shlens (2016), "Net2Net: Accelerating learning via knowledge transfer", ICLR.
"""
