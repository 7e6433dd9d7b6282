"""One pass of one module while it is recorded: its statements, and what its tensors are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bonas.evaluation.export.source.expressions import Named, key_text, quoted, value_text
from bonas.evaluation.export.source.sizes import TracedSize
from bonas.evaluation.export.source.statements import (
    Statement,
    forward_lines,
    variable,
    variables,
)


class Entangled(Exception):
    """A module reads tensors that it was not given: its pass belongs into that of its parent.

    Attributes:
        module: The module.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__(type(module).__name__)
        self.module = module


@dataclass(eq=False)
class Frame:
    """The recording of one pass.

    Attributes:
        module: Whose pass it is.
        outer: The recording that called it; None of the network itself.
        inside: Whether statements are left out: a ``Sequential`` calls its parts by itself.
        statements: What was recorded.
        given: The parameters of the pass: variable -> name.
        structured: Those of them that are no tensors.
        texts: A tensor's ``id`` -> its expression.
        constants: Tensors that are neither parameters nor buffers nor computed, by name.
        device: The expression of the device, if it was asked for.
    """

    module: nn.Module
    outer: Frame | None = None
    inside: bool = False
    statements: list[Statement] = field(default_factory=list)
    given: dict[int, str] = field(default_factory=dict)
    structured: set[int] = field(default_factory=set)
    texts: dict[int, str] = field(default_factory=dict)
    constants: dict[str, Tensor] = field(default_factory=dict)
    device: str | None = None
    _alive: list[Any] = field(default_factory=list)  # an id is unique while its object lives
    _count: int = 0
    _sizes: dict[tuple[int, int], TracedSize] = field(default_factory=dict)

    def new(self) -> int:
        """Return the number of a new variable."""
        self._count += 1
        return self._count

    def name(self, value: Any, text: str) -> None:
        """Give an expression to each tensor of a value: ``text``, ``text[0]``, ..."""
        for tensor, path in leaves(value):
            self.texts[id(tensor)] = text + path
            self._alive.append(tensor)

    def give(self, value: Any, name: str) -> Any:
        """Make a value a parameter of the pass, and return it as the pass receives it."""
        number = self.new()
        self.given[number] = name
        if not isinstance(value, Tensor):
            self.structured.add(number)
        if isinstance(value, TracedSize):
            return TracedSize(int(value), variable(number), self)
        self.name(value, variable(number))
        return value

    def size(self, tensor: Tensor, axis: int, named: Named) -> int:
        """Return the size of an axis as one that knows its expression."""
        key = id(tensor), axis
        if key not in self._sizes:
            number = self.new()
            text = f"{value_text(tensor, named)}.shape[{axis}]"
            self.statements.append(Statement((number,), text, stem="n"))
            self._sizes[key] = TracedSize(tensor.shape[axis], variable(number), self)
        return self._sizes[key]

    def assign(self, value: Any, text: str, *, effect: bool = False) -> None:
        """Record that an expression gives a value."""
        if self.inside:
            return
        if isinstance(value, Tensor):
            numbers, stem = [self.new()], "x"
            self.name(value, variable(numbers[0]))
        elif isinstance(value, (tuple, list)) and all(isinstance(v, Tensor) for v in value):
            numbers, stem = [self.new() for _ in value], "x"
            for number, part in zip(numbers, value, strict=True):
                self.name(part, variable(number))
            if len(numbers) == 1:
                text = f"{text}[0]"
        else:
            numbers, stem = [self.new()], "parts"
            self.name(value, variable(numbers[0]))
        self.statements.append(Statement(tuple(numbers), text, effect, stem))

    def act(self, text: str) -> None:
        """Record a statement that changes a tensor in place."""
        self.statements.append(Statement((), text, effect=True))

    def ask_device(self, text: str) -> None:
        """Record that the pass asks for the device of a tensor."""
        number = self.new()
        self.statements.append(Statement((number,), text, stem="device"))
        self.device = variable(number)

    def device_text(self) -> str | None:
        """Return an expression of the device on which the pass runs."""
        if self.device is None and self.given:
            number = self.new()
            tensor = variable(next(iter(self.given)))
            if tensor in self.texts.values():
                self.statements.insert(0, Statement((number,), f"{tensor}.device", stem="device"))
                self.device = variable(number)
        return self.device

    def lines(self, returned: str) -> list[str]:
        """Return the lines of the pass."""
        return forward_lines(self.statements, returned, self.given, frozenset(self.structured))

    def uses(self, number: int, returned: str) -> bool:
        """Return whether a parameter of the pass is read."""
        return any(number in variables(s.text) for s in self.statements) or (
            number in variables(returned)
        )


def leaves(value: Any, path: str = "") -> list[tuple[Tensor, str]]:
    """Return the tensors in a value, and how each is read from what source makes of the value."""
    if isinstance(value, Tensor):
        return [(value, path)]
    if isinstance(value, (tuple, list)):
        return [leaf for i, part in enumerate(value) for leaf in leaves(part, f"{path}[{i}]")]
    mapping = as_mapping(value)
    if mapping is None:
        return []
    return [leaf for k, part in mapping.items() for leaf in leaves(part, f"{path}[{key_text(k)}]")]


def as_mapping(value: object) -> Mapping[Any, Any] | None:
    """Return a mapping, or the fields of a dataclass as one; None of another value."""
    if isinstance(value, Mapping):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return None


def returned_text(value: Any, named: Named) -> str:
    """Return the source of what a pass returns: tensors in tuples, lists and dictionaries."""
    if isinstance(value, tuple):
        inside = ", ".join(returned_text(part, named) for part in value)
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, list):
        return f"[{', '.join(returned_text(part, named) for part in value)}]"
    mapping = as_mapping(value)
    if mapping is not None:
        pairs = (
            f"{key_text(name)}: {returned_text(part, named)}" for name, part in mapping.items()
        )
        return f"{{{', '.join(pairs)}}}"
    return value_text(value, named)


def access(module: nn.Module, path: Sequence[str], text: str = "self") -> str:
    """Return the expression of a submodule, parameter or buffer below a module.

    Raises:
        NoSource: if a name on the way is no identifier.
    """
    for name in path:
        if isinstance(module, (nn.ModuleList, nn.Sequential, nn.ParameterList)) and name.isdigit():
            text = f"{text}[{name}]"
        elif isinstance(module, (nn.ModuleDict, nn.ParameterDict)):
            text = f"{text}[{quoted(name)}]"
        elif name.isidentifier():
            text = f"{text}.{name}"
        else:
            text = f"getattr({text}, {quoted(name)})"
        child = module._modules.get(name)
        module = child if child is not None else torch.nn.Identity()
    return text
