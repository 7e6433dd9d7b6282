"""Inheritance: a network starts with the weights of another one.

1. Both networks run once on an example; their layers are recorded (``recording``) and aligned
   (``alignment``).
2. The units of aligned layers match in order; a wider layer has copies of random units
   (``matching``), as in Net2WiderNet.
3. Weights are copied, and what reads copies is divided (``transfer``).
4. New layers start as zeros or as the identity where the function allows it (``growth``), as in
   Net2DeeperNet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from bonas.evaluation.inheritance.alignment import aligned
from bonas.evaluation.inheritance.calibration import calibrate
from bonas.evaluation.inheritance.growth import Growth
from bonas.evaluation.inheritance.matching import Matching
from bonas.evaluation.inheritance.recording import Recording, record
from bonas.evaluation.inheritance.transfer import Transfer, set_identity, set_zero, state_of
from bonas.settings import own_settings
from bonas.spaces.example import Example
from bonas.spaces.tracing.calls import tensors_of

How = Literal["same", "aligned", "net2net", "fresh"]

PRESERVED = 1e-5
"""The largest difference of the outputs, as a share of their range, of networks that count as one
function."""
_RECORDED = 8  # rows of the example that are enough to see what is computed


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What a network inherited.

    Attributes:
        how: ``net2net`` if it computes what its parent does (``PRESERVED``); else ``same`` if all
            values came from tensors of the same name and shape, ``aligned`` if some did not, and
            ``fresh`` if there were none.
        share: The share of its parameters that came from the parent, from 0 to 1.
        difference: The largest difference of the outputs on the example, as a share of the range of
            the parent's; NaN where that is not known.
    """

    how: How
    share: float
    difference: float


def inherit_weights(
    network: nn.Module, parent: nn.Module, example: object = None, *, seed: int = 0
) -> Inheritance:
    """Set the weights of a network to those of a similar one, as far as the two match.

    Widened layers copy channels, and what reads them is divided; inserted layers start as the
    identity or as zeros, where the function of the network allows it; kernels grow around their
    centre; the rest of what matches is cut to what both have. Running means and variances are
    copied along. What does not match stays as it was built: fused projections of attention whose
    heads differ, weights of functions that nothing is known about.

    Inherited weights raise the accuracy after a short training and spoil the ranking, since a value
    says how good the parent was: never compare it with that of a network trained from scratch.

    Args:
        network: Its parameters and buffers are changed; it is left in its mode.
        parent: A trained network, which is not changed, on the same device.
        example: A batch of inputs, as ``Space.input`` has it, better of many rows than of one: the
            statistics of inserted batch norms are its own. None copies only what has the same name
            and shape.
        seed: Of the random copies.

    Source: Chen, Goodfellow and Shlens (2016), "Net2Net", ICLR.

    >>> parent, network = nn.Linear(4, 2), nn.Linear(4, 2)
    >>> inherit_weights(network, parent, torch.ones(3, 4))
    Inheritance(how='net2net', share=1.0, difference=0.0)
    """
    rng = np.random.default_rng(seed)
    transfer = Transfer(network, parent, rng)
    if example is None:
        transfer.copy_equal(set(transfer.own))
        return Inheritance("same" if transfer.inherited else "fresh", transfer.share(), np.nan)
    given = Example.of(example)
    few = given.resized(min(given.rows, _RECORDED)) if given.rows else given
    with own_settings(), torch.no_grad(), _evaluated(network, parent):
        before = given.call(parent)
        own = record(network, few)
        _transfer(transfer, own, record(parent, few), rng)
        _grow(network, given, own, transfer)
        difference = _difference(given.call(network), before)
    share = transfer.share()
    how: How = "aligned" if transfer.renamed else "same"
    if share == 0:
        how = "fresh"
    elif difference <= PRESERVED:
        how = "net2net"
    return Inheritance(how, share, difference)


def _transfer(
    transfer: Transfer, own: Recording, theirs: Recording, rng: np.random.Generator
) -> None:
    """Copy what matches."""
    layers = aligned(own.layers, theirs.layers)
    growth = Growth.of(own, layers)
    matching = Matching(own, theirs, layers, growth.identities, rng)
    for i, j in layers.items():
        transfer.copy_layer(own.layers[i], theirs.layers[j], matching)
    seen = {name for layer in own.layers for name in layer.names.values()}
    transfer.copy_equal(set(transfer.own) - seen)


def _grow(network: nn.Module, example: Example, own: Recording, transfer: Transfer) -> None:
    """Set the layers that the parent lacks, where its function can be kept."""
    state = state_of(network)
    taken = {i for i, x in enumerate(own.layers) if transfer.inherited.keys() & {*x.names.values()}}
    growth = Growth.of(own, taken)
    for i in growth.zeros:
        set_zero(own.layers[i], state)
    norms = []
    for i in growth.identities:
        set_identity(own.layers[i], state)
        norm = own.layers[i].norm
        if norm is not None and "weight" in own.layers[norm].names:
            norms.append(state[own.layers[norm].names["weight"]])
    if norms:
        calibrate(lambda: example.call(network), norms)


def _difference(own: object, theirs: object) -> float:
    """Return the largest difference of two outputs, as a share of the range of the second."""
    a, b = ([x for x in tensors_of(item) if x.is_floating_point()] for item in (own, theirs))
    if not a or [x.shape for x in a] != [x.shape for x in b]:
        return float("nan")
    worst = max(_largest(x - y) for x, y in zip(a, b, strict=True))
    spread = max(float(y.max() - y.min()) if y.numel() else 0.0 for y in b)
    return worst / spread if spread > 0 else worst


def _largest(x: Tensor) -> float:
    return float(x.abs().max()) if x.numel() else 0.0


@contextmanager
def _evaluated(*networks: nn.Module) -> Iterator[None]:
    """Run the block with networks in evaluation mode; draws do not count."""
    modes = [(part, part.training) for network in networks for part in network.modules()]
    for network in networks:
        network.eval()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        for part, mode in modes:
            part.training = mode
