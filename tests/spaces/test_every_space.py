"""Every encoder and every surrogate serves every space, without a word about that space."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from torch import nn

import bonas
from bonas.encoders import Blocks, Layout
from bonas.encoders.blocks import ENCODERS
from bonas.spaces import (
    CellSpace,
    DARTSSpace,
    MLPSpace,
    MobileSpace,
    NASBench101Space,
    RecurrentSpace,
    Space,
    Stage,
    TransformerSpace,
)
from bonas.studies import SURROGATES
from bonas.surrogates import fit

_KNOWN = 40  # of each space's reference set: enough to learn a vocabulary from


@bonas.space(input=torch.zeros(1, 1, 8, 8))
def family(choose: Any) -> nn.Module:
    """Build chains of convolutions of one width, then a linear map."""
    width = choose("width", [4, 8])
    layers: list[nn.Module] = [nn.Conv2d(1, width, 3), nn.ReLU()]
    layers += [
        nn.Conv2d(width, width, choose(f"kernel{i}", [1, 3]), padding="same")
        for i in range(choose("depth", [1, 2, 3]))
    ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


SPACES = {
    "cell": lambda: CellSpace(nodes=4),
    "darts": lambda: DARTSSpace(nodes=2, channels=4, cells=3),
    "nas-bench-101": lambda: NASBench101Space(),
    "mobile": lambda: MobileSpace((Stage((8, 16)), Stage((16, 24), stride=2))),
    "transformer": lambda: TransformerSpace(task="language_model", vocabulary=20, length=8),
    "transformer by layer": lambda: TransformerSpace(inputs=4, length=8, per_layer=True),
    "recurrent": lambda: RecurrentSpace(),
    "perceptron": lambda: MLPSpace(8, 3),
    "family": lambda: family,
}
NAMES = list(SPACES)


@cache
def space_of(name: str) -> Space:
    """Return the space, with a small reference set."""
    space: Space = SPACES[name]()  # type: ignore[no-untyped-call]  # a lambda
    object.__setattr__(space, "reference_size", _KNOWN)
    return space


@cache
def blocks_of(name: str) -> Blocks:
    """Return all encoders' blocks of a space."""
    return Blocks(space_of(name), list(ENCODERS))


@pytest.mark.parametrize("name", NAMES)
def test_encoders_tell_architectures_apart(name: str) -> None:
    space = space_of(name)
    X = blocks_of(name).encode(space.reference)
    assert X.shape == (len(space.reference), blocks_of(name).width)
    assert bool(X.isfinite().all())
    assert len(torch.unique(X, dim=0)) == len(space.reference)


@pytest.mark.parametrize("surrogate", [s for s in SURROGATES if s != "random"])
@pytest.mark.parametrize("name", NAMES)
def test_surrogates_learn_sizes(name: str, surrogate: str) -> None:
    """Predict the order of parameter counts of unseen networks better than chance."""
    space, blocks = space_of(name), blocks_of(name)
    some = space.reference
    y = torch.tensor([[np.log(space.costs(a.choices)["parameters"])] for a in some]).double()
    X = blocks.encode(some)
    chosen = SURROGATES[surrogate].several
    assert chosen is not None
    half = len(some) // 2
    layout = Layout({e: blocks.slices[e] for e in SURROGATES[surrogate].encoders}, {})
    model = fit(chosen, X[:half], y[:half], layout, 0)
    with torch.no_grad():
        predicted = model.posterior(X[half:].unsqueeze(1)).mean.reshape(-1)
    agreement = torch.corrcoef(torch.stack([predicted, y[half:, 0]]))[0, 1]
    assert float(agreement) > 0.3


@pytest.mark.parametrize("name", NAMES)
def test_a_search_stays_in_the_space(name: str) -> None:
    space = space_of(name)
    study = optuna.create_study(
        directions=["minimize", "minimize"],
        sampler=bonas.ArchitectureSampler(space, surrogate="gp", n_initial=4, seed=0),
    )
    for _ in range(7):
        trial = study.ask()
        choices = space.suggest(trial)
        assert space.is_valid(choices)
        costs = space.costs(choices)
        study.tell(trial, [costs["parameters"], costs["multiply_adds"]])
    keys = {space.architecture(space.completed(t.params)).key for t in study.trials}
    assert len(keys) == 7
