"""Blocks: the numbers of a parameter that belong together, which sharing must not tear apart.

    convolution            out x in x kernel                       the kernel around its centre
    recurrent layer        gates x units x inputs                  a second layer's by direction
    multi-head attention   (q, k, v) x heads x head width x inputs
    its output             width x heads x head width

Whatever else is fused, such as the two halves of a gated linear unit, cannot be seen and is
declared by ``declare_blocks``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import is_lazy
from torch.nn.utils.parametrize import is_parametrized

from bonas.arguments import check_count
from bonas.errors import InvalidArgument, unknown

Shape = tuple[int, ...]
_Module = TypeVar("_Module", bound=nn.Module)
_GATES: Mapping[type[nn.Module], int] = {
    nn.LSTM: 4,
    nn.LSTMCell: 4,
    nn.GRU: 3,
    nn.GRUCell: 3,
}
_COMPUTED = ("_orig", "_g", "_v")  # what torch appends to the name of a weight that it computes
_DECLARED = "_bonas_blocks"


@dataclass(frozen=True, slots=True)
class Blocks:
    """The shape in which the numbers of a parameter belong together.

    Attributes:
        shapes: Of the parts of which the parameter consists, one after the other.
        kernel: How many of the last dimensions are a kernel's.
    """

    shapes: tuple[Shape, ...]
    kernel: int = 0


def declare_blocks(
    module: _Module, name: str, shape: Sequence[int] | Sequence[Sequence[int]], *, kernel: int = 0
) -> _Module:
    """Declare which numbers of a parameter belong together, and return the module.

    A supernet gives a small network the front of the parameters of a large one. Where a parameter
    holds several things, that has to be the front of each of them.

    Args:
        module: The layer.
        name: The name of its parameter.
        shape: That of the parameter with its blocks as dimensions, ``(3, heads, width, inputs)``
            for a projection to queries, keys and values; or several shapes, one after the other.
        kernel: How many of the last dimensions are those of a convolution's kernel, of which a
            small network has the centre.

    Raises:
        InvalidArgument: if there is no such parameter, or it holds another number of numbers.

    >>> heads, width = 4, 16
    >>> qkv = declare_blocks(nn.Linear(64, 3 * heads * width), "weight", (3, heads, width, 64))
    >>> gated = declare_blocks(nn.Linear(64, 2 * 128, bias=False), "weight", (2, 128, 64))
    """
    if not isinstance(module, nn.Module):
        raise InvalidArgument(f"expected a torch.nn.Module, got {module!r}")
    own = dict(_tensors(module))
    if name not in own:
        raise unknown(f"parameter of {type(module).__name__}", name, own)
    parameter = own[name]
    if is_lazy(parameter):
        raise InvalidArgument(
            f"{name!r} of {type(module).__name__} has no shape yet; give the layer its number of "
            "inputs, instead of a lazy one"
        )
    shapes = _shapes(shape)
    held = sum(math.prod(each) for each in shapes)
    if not shapes or held != parameter.numel():
        raise InvalidArgument(
            f"expected blocks that hold the {parameter.numel()} numbers of {name!r}, "
            f"{tuple(parameter.shape)}, got {shape!r}, which hold {held}"
        )
    check_count("kernel", kernel, least=0)
    if any(kernel > len(each) for each in shapes):
        raise InvalidArgument(
            f"expected a kernel of at most {len(shapes[0])} dimensions, got {kernel}"
        )
    module.__dict__.setdefault(_DECLARED, {})[name] = Blocks(shapes, kernel)
    return module


def blocks_of(network: nn.Module) -> dict[int, Blocks]:
    """Return the blocks that are known: the identity of a parameter -> its blocks."""
    found: dict[int, Blocks] = {}
    for module in network.modules():
        rule = _rule(type(module))
        for parameter, blocks in () if rule is None else rule(module):
            found[id(parameter)] = blocks
    for module in network.modules():  # what is declared counts more
        if _DECLARED in module.__dict__:
            declared = cast("dict[str, Blocks]", module.__dict__[_DECLARED])
            for name, parameter in _tensors(module):
                if name in declared and _fits(declared[name], parameter):
                    found[id(parameter)] = declared[name]
    return found


_Found = Iterator[tuple[nn.Parameter, Blocks]]


def _convolution(module: nn.Module) -> _Found:
    sides = len(cast("_ConvNd", module).kernel_size)
    for _, parameter in _tensors(module):
        if parameter.dim() == sides + 2:
            yield parameter, Blocks((tuple(parameter.shape),), sides)


def _recurrent(module: nn.Module) -> _Found:
    layer = cast("nn.RNNBase", module)
    directions = 1 + layer.bidirectional
    for name, parameter in _tensors(module):
        inputs: Shape = tuple(parameter.shape[1:])
        if name.startswith("weight_ih_l") and not name.startswith("weight_ih_l0"):
            inputs = (directions, inputs[0] // directions)
        if "_hr_" not in name:  # a projection has no gates
            yield from _gated(module, parameter, inputs)


def _recurrent_cell(module: nn.Module) -> _Found:
    for _, parameter in _tensors(module):
        yield from _gated(module, parameter, tuple(parameter.shape[1:]))


def _gated(module: nn.Module, parameter: nn.Parameter, inputs: Shape) -> _Found:
    gates = next((n for kind, n in _GATES.items() if isinstance(module, kind)), 1)
    blocks = Blocks(((gates, parameter.shape[0] // gates, *inputs),))
    if _fits(blocks, parameter):
        yield parameter, blocks


def _attention(module: nn.Module) -> _Found:
    layer = cast("nn.MultiheadAttention", module)
    heads = (layer.num_heads, layer.embed_dim // layer.num_heads)
    shapes: dict[str, Shape] = {
        "in_proj_weight": (3, *heads, layer.embed_dim),
        "in_proj_bias": (3, *heads),
        "q_proj_weight": (*heads, layer.embed_dim),
        "k_proj_weight": (*heads, layer.kdim),
        "v_proj_weight": (*heads, layer.vdim),
        "bias_k": (1, 1, *heads),
        "bias_v": (1, 1, *heads),
    }
    output = [
        (parameter, Blocks(((layer.embed_dim, *heads),)))
        for name, parameter in _tensors(layer.out_proj)
        if name == "weight"
    ]
    own = [(p, Blocks((shapes[name],))) for name, p in _tensors(layer) if name in shapes]
    yield from ((p, blocks) for p, blocks in (*own, *output) if _fits(blocks, p))


_Rule = Callable[[nn.Module], _Found]
_RULES: Mapping[type[nn.Module], _Rule] = {
    _ConvNd: _convolution,
    nn.RNNBase: _recurrent,
    nn.RNNCellBase: _recurrent_cell,
    nn.MultiheadAttention: _attention,
}


def _rule(kind: type[nn.Module]) -> _Rule | None:
    return next((_RULES[base] for base in kind.__mro__ if base in _RULES), None)


def _tensors(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield the parameters that a module holds, those of a computed tensor under its name."""
    for name, parameter in module._parameters.items():
        if parameter is not None:
            ending = next((x for x in _COMPUTED if name.endswith(x)), "")
            yield name.removesuffix(ending), parameter
    if is_parametrized(module):
        for name, parts in cast("nn.ModuleDict", module.parametrizations).items():
            for parameter in parts._parameters.values():
                if parameter is not None:
                    yield name, parameter


def _fits(blocks: Blocks, parameter: Tensor) -> bool:
    """Return whether blocks hold as many numbers; a factor of a computed weight holds fewer."""
    return sum(math.prod(shape) for shape in blocks.shapes) == parameter.numel()


def _shapes(given: object) -> tuple[Shape, ...]:
    """Return one or several shapes.

    Raises:
        InvalidArgument: if these are no positive whole numbers.
    """
    if isinstance(given, Sequence) and given:
        if all(type(side) is int and side > 0 for side in given):
            return (tuple(given),)
        if all(isinstance(each, Sequence) for each in given):
            return tuple(shape for each in given for shape in _shapes(each))
    raise InvalidArgument(
        f"expected a shape of positive whole numbers, or several of them, got {given!r}"
    )
