"""Weights that mobile networks share: a tensor per stage, block within the stage, and role.

    expand (1x1) -> depthwise (k x k) -> squeeze, excite -> project (1x1), and their norms

A narrower convolution has the first channels of a wider one, and a smaller kernel is the centre of
a larger one. Once-for-All sends that centre through a learned matrix; here it is as it is.
Once-for-All sorts channels by their importance before it cuts; here they keep their order, since
a training that draws small and large networks alike makes the first channels the important ones
(BigNAS).

Roles are names and no positions, as a block without expansion lacks the first one. Its depthwise
convolution reads the block's input in place of expanded channels, which is another operation: such
blocks (``direct``) have tensors of their own. Depths share: block 2 of a stage is the same whether
or not a block 3 follows.

Sources: Cai et al. (2020), "Once-for-all: Train one network and specialize it for efficient
deployment", ICLR; Yu et al. (2020), "BigNAS: Scaling up neural architecture search with big
single-stage models", ECCV.
"""

from __future__ import annotations

from torch import nn

from bonas.spaces import Choices, Space
from bonas.spaces.mobile import MobileSpace
from bonas.spaces.mobile.plan import Block
from bonas.supernets.roles import Pieces
from bonas.supernets.slot import Piece

_SQUEEZE_EXCITE = {"1": "squeeze", "3": "excite"}
_CONVOLUTION = {"0": "convolution", "1": "norm"}


def mobile_pieces(space: Space, choices: Choices) -> Pieces:
    """Return the pieces of the parameters of a mobile network."""
    assert isinstance(space, MobileSpace)
    plan = space.plan(choices)
    places = [(i, j) for i, s in enumerate(plan.stages, 1) for j in range(1, len(s.blocks) + 1)]
    roles = {
        f"{number}.{layer}": f"stage{i}.block{j}.{role}"
        for number, ((i, j), block) in enumerate(zip(places, plan.blocks(), strict=True))
        for layer, role in enumerate(_roles(block))
    }

    def pieces(name: str, module: nn.Module, parameter: nn.Parameter) -> tuple[Piece, ...]:
        key, kernel = name, 0
        match name.split("."):
            case ["body", block, "layers", layer, "weigh", part, last]:
                key = f"{roles[f'{block}.{layer}']}.{_SQUEEZE_EXCITE[part]}.{last}"
            case ["body", block, "layers", layer, part, last]:
                key = f"{roles[f'{block}.{layer}']}.{_CONVOLUTION[part]}.{last}"
                kernel = 2 if isinstance(module, nn.Conv2d) else 0
        return (Piece(key, tuple(parameter.shape), kernel),)

    return pieces


def _roles(block: Block) -> list[str]:
    """Return the role of each layer of a block, in their order."""
    roles = ["expand", "activation"] if block.expands else []
    roles += ["depthwise", "activation"]
    if block.squeeze_excite:
        roles.append("squeeze_excite")
    roles.append("project")
    return roles if block.expands else [f"direct.{role}" for role in roles]
