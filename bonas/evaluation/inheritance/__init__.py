"""Inherited weights: a network that starts with what a similar one has learnt.

They shorten a training and spoil its ranking. ``bonas bench inherit`` (36 cells of NAS-Bench-201
with 8 channels, one or two choices away from six trained ones, on digits; the truth is 12 epochs
from scratch, two seeds) gives the accuracy in % and Spearman's correlation with the truth:

==========  ===========  ===========  ===========  ===========
epochs      0            1            2            4
==========  ===========  ===========  ===========  ===========
scratch                  25 / 0.27    86 / 0.51    97 / 0.47
inherited   66 / -0.10   92 / 0.10    97 / 0.13    98 / 0.43
==========  ===========  ===========  ===========  ===========

The standard errors of the correlations are 0.13 to 0.19. A value from inherited weights is
therefore another fidelity, never the same measurement as one from scratch.

Source: Chen, Goodfellow and Shlens (2016), "Net2Net: Accelerating learning via knowledge transfer",
ICLR.
"""
