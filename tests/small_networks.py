"""Small networks made of functions, for tables of variants, and ways to count their costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bonas.spaces.tracing.trace import Trace, traced
from bonas.spaces.tracing.unallocated import unallocated, without_memory

Function = Callable[..., Any]
Make = Callable[[], nn.Module]
Table = dict[str, tuple[tuple[int, ...], list[Make]]]

SQUARE, SEQUENCE, IMAGE, ROW = (2, 6, 6), (2, 8, 4), (2, 4, 8, 8), (2, 8)


class Wired(nn.Module):
    """A network made of a function of its inputs."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function

    def forward(self, *x: Tensor) -> Any:
        return self.function(*x)


class Buffered(nn.Module):
    """A network made of a function of its input and of a buffer."""

    def __init__(self, constant: Callable[[], Tensor], function: Function) -> None:
        super().__init__()
        self.register_buffer("constant", constant())
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x, self.constant)


class Weighed(nn.Module):
    """A network made of a function of its input and of parameters."""

    def __init__(self, function: Function, *shapes: Sequence[int]) -> None:
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(*shape)) for shape in shapes)
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x, *self.weights)


def of(*functions: Function) -> list[Make]:
    """Return a network for each function."""
    return [lambda function=function: Wired(function) for function in functions]


def each(kind: Callable[..., nn.Module], *arguments: dict[str, Any], **shared: Any) -> list[Make]:
    """Return a module for each set of arguments."""
    return [lambda own=own: kind(**shared, **own) for own in arguments]


def masked(*masks: Callable[[], Tensor]) -> list[Make]:
    """Return attention under each mask, which is a buffer."""

    def attend(x: Tensor, mask: Tensor) -> Tensor:
        scores = (x @ x.mT).masked_fill(mask == 0, -math.inf)
        return scores.softmax(-1) @ x

    return [lambda mask=mask: Buffered(mask, attend) for mask in masks]


def band(width: int) -> Tensor:
    """Return a mask of ones where a query sees the last ``width`` keys."""
    return torch.ones(8, 8).tril().triu(1 - width)


def in_place(*fills: Callable[[Tensor, Tensor], object]) -> list[Make]:
    """Return a network for each function that writes into zeros."""

    def written(fill: Callable[[Tensor, Tensor], object]) -> Function:
        def run(x: Tensor) -> Tensor:
            out = torch.zeros_like(x)
            fill(out, x)
            return out

        return run

    return of(*map(written, fills))


def assign(index: Any, value: Callable[[Tensor], Any]) -> Callable[[Tensor, Tensor], object]:
    """Return a function that sets ``out[index] = value(x)``."""
    return lambda out, x: out.__setitem__(index, value(x))


def shuffled(groups: int) -> Function:
    """Return a channel shuffle."""

    def run(x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        mixed = x.view(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)
        return mixed * torch.arange(c).view(c, 1, 1)

    return run


def heads(count: int, split_last: bool = True) -> Function:
    """Self-attention of several heads, written out."""

    def run(x: Tensor) -> Tensor:
        n, t, d = x.shape
        if split_last:
            q = x.view(n, t, count, d // count).transpose(1, 2)
        else:
            q = x.view(n, t, d // count, count).permute(0, 3, 1, 2)
        return ((q @ q.mT).softmax(-1) @ q).transpose(1, 2).reshape(n, t, d)

    return run


def first_half(x: Tensor) -> Tensor:
    a, b = x.chunk(2, -1)
    return a.sigmoid() * b


def second_half(x: Tensor) -> Tensor:
    a, b = x.chunk(2, -1)
    return a * b.sigmoid()


class Layers(nn.Module):
    """One of several linear maps for each step."""

    def __init__(self, order: Sequence[int]) -> None:
        super().__init__()
        self.maps = nn.ModuleList(nn.Linear(8, 8) for _ in range(max(order) + 1))
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        for i in self.order:
            x = self.maps[i](x).relu()
        return x


class Recurrent(nn.Module):
    """A recurrent layer of which one output is returned."""

    def __init__(self, kind: Callable[..., nn.Module], look: Function, **arguments: Any) -> None:
        super().__init__()
        self.cells, self.look = kind(4, 4, **arguments), look

    def forward(self, x: Tensor) -> Any:
        return self.look(self.cells(x))


class Precise(nn.Module):
    """A linear map in a given dtype."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.map = nn.Linear(8, 8).to(dtype)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.map(x.to(self.map.weight.dtype))
        return y.float()


def bias_of_positions(slope: float) -> Function:
    def run(x: Tensor) -> Tensor:
        places = torch.arange(8)
        distance = (places[None] - places[:, None]).abs()
        return (x @ x.mT - slope * distance).softmax(-1) @ x

    return run


class Attended(nn.Module):
    """Self-attention."""

    def __init__(self, heads: int, **arguments: Any) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, heads, batch_first=True, **arguments)
        for name in ("bias_k", "bias_v"):
            if getattr(self.attention, name) is not None:
                nn.init.normal_(getattr(self.attention, name))

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x)[0]  # type: ignore[no-any-return]  # torch's


class TimeFirst(nn.Module):
    """A recurrent layer between two transpositions."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.GRU(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.cells(x.transpose(0, 1))[0]
        return y.transpose(0, 1)


def written_while_seen(way: int) -> Function:
    """Return a function that changes a tensor or a view of it in place."""

    def run(x: Tensor) -> Any:
        y = x.clone()
        view = y[:, :3]
        if way == 0:
            view.mul_(2)
            return y
        if way == 1:
            y[:, 3:].mul_(2)
            return y
        if way == 2:
            y.mul_(2)
        return view.sin()

    return run


def relative_positions(most: int) -> Function:
    """Return attention with a bias for each distance up to ``most``."""

    def run(x: Tensor, bias: Tensor) -> Tensor:
        places = torch.arange(8)
        distance = (places[:, None] - places).clamp(-most, most) + most
        return ((x @ x.mT) + bias[distance]).softmax(-1) @ x

    return run


def on_meta(make: Make, *inputs: Tensor) -> Trace:
    """Trace a network that is built and run without memory."""
    with unallocated():
        module = make()
    batch = tuple(torch.empty_like(x, device="meta") for x in inputs)
    return traced(without_memory(module), batch)


def flops(make: Make, *inputs: Tensor) -> int:
    """Count the floating point operations of a batch with torch's own counter."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        make().eval()(*inputs)
    return int(counter.get_total_flops())
