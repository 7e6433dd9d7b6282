"""Batch norms of a mixture.

They normalise by the batch at hand, also in evaluation mode: running statistics of a mixture would
be those of other weights and logits. Those of mixed operations have no scale and no shift, as in
DARTS: a scale could undo the weight of its operation.

Source: Liu, Simonyan and Yang (2019), "DARTS: Differentiable architecture search", ICLR.
"""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def normalise_by_batch(network: nn.Module) -> None:
    """Let all batch norms use the statistics of the batch, in both modes."""
    for norm in _batch_norms(network):
        norm.track_running_stats = False
        norm.running_mean = norm.running_var = norm.num_batches_tracked = None


def remove_scales(network: nn.Module) -> None:
    """Take scale and shift from all batch norms."""
    for norm in _batch_norms(network):
        norm.affine = False
        norm.register_parameter("weight", None)
        norm.register_parameter("bias", None)


def _batch_norms(network: nn.Module) -> list[_BatchNorm]:
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]
