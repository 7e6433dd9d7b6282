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

ABSENT = "none"
"""The operation that no network has a module for."""


def make_absence_unlikely(policy: Policy) -> None:
    """Give ``none`` the least logit of the other options, where it is one."""
    with torch.no_grad():
        for name, own in policy.logits.items():
            options = list(policy.space.distributions[name].choices)
            if ABSENT in options and len(options) > 1:
                absent = options.index(ABSENT)
                own[absent] = torch.cat([own[:absent], own[absent + 1 :]]).min()
