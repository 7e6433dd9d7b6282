"""Fisher information of channels: how much the loss depends on what each channel returns.

    s = sum over channels of mean over inputs of (sum over positions of a dL/da)^2 / 2

``a`` is what a layer (a convolution, a linear or a recurrent one) returns, and ``L`` the loss of
one batch in training mode.

Source: Turner, Crowley, O'Boyle, Storkey and Gray (2020), "BlockSwap: Fisher-guided block
substitution for network compression on a budget", ICLR; as a score of architectures in Abdelfattah
et al. (2021), "Zero-cost proxies for lightweight NAS", ICLR.
"""

from __future__ import annotations

from bonas.evaluation.zero_cost.probe import Probe


def fisher(probe: Probe) -> float:
    """Return the score of a network.

    Raises:
        NoScore: if the loss has no gradient with respect to the outputs of layers.
    """
    return sum(
        float((a * slope).sum(dim=2).double().square().mean(dim=0).sum() / 2.0)
        for a, slope in probe.layer_gradients
    )
