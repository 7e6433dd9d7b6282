"""The operation without a module, ``none``, and why a gradient says nothing of it.

A weight or gate of an operation is moved by how much its output lowers the loss. ``none`` has no
output: its probability is what the others leave. Where norms undo the scale of a sum, the
operations of an edge that help less than those of other edges lose by that, whatever they are
worth, and ``none`` gains. So it is left out where an architecture is derived.

Source: Liu, Simonyan and Yang (2019), "DARTS: Differentiable architecture search", ICLR, section
2.4.
"""

from __future__ import annotations

import torch

from bonas.gradient_search.policy import Policy
from bonas.spaces import CellSpace, Choice, DARTSSpace, Space

ABSENT = "none"
"""The operation that no network has a module for."""


def is_absent(space: Space, option: Choice) -> bool:
    """Return whether an option is an output of zeros; other spaces may call a module ``none``."""
    return option == ABSENT and isinstance(space, (CellSpace, DARTSSpace))


def make_absence_unlikely(policy: Policy) -> None:
    """Give ``none`` the least logit of the other options, where it is an output of zeros."""
    with torch.no_grad():
        for name, own in policy.logits.items():
            options = list(policy.space.distributions[name].choices)
            if any(is_absent(policy.space, option) for option in options):
                absent = options.index(ABSENT)
                own[absent] = torch.cat([own[:absent], own[absent + 1 :]]).min()
