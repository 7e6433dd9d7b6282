"""The recording of a network's forward pass as source, module by module.

The network runs on its example, on real tensors, in a mode that sees every function of torch. A
module of ``torch.nn`` whose constructor can be written out is a call (``self.stem(x)``); any other
one is a class of its own, whose pass is a recording within the recording. Sizes of tensors stay
expressions (``x.shape[0]``), so that the source takes other batches; where Python asks for a number
(a loop, a comparison), the number of the example decides.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from bonas.evaluation.export.source.constructors import constructor_text
from bonas.evaluation.export.source.expressions import NoSource, arguments_text, call_text
from bonas.evaluation.export.source.frame import (
    Entangled,
    Frame,
    access,
    leaves,
    returned_text,
)
from bonas.evaluation.export.source.sizes import TracedSize
from bonas.spaces.example import Example
from bonas.spaces.tracing.function_names import READS

_READS = READS | {"__array__", "allclose", "numpy"}
"""Functions that read values of tensors into Python."""


@dataclass(frozen=True)
class Pass:
    """A recorded pass.

    Attributes:
        parameters: The names of its parameters.
        lines: Its body.
        constants: Tensors that the module gets as further buffers, by name.
    """

    parameters: tuple[str, ...]
    lines: tuple[str, ...]
    constants: Mapping[str, Tensor]


@dataclass(eq=False)
class Recorder(TorchFunctionMode):
    """A recording of one run of a network.

    Attributes:
        network: The network.
        dissolved: Modules without a class of their own: their passes are part of their parents'.
        passes: The recorded pass of each module that has a class.
        used: The modules, parameters and buffers that were called or read, by ``id``.
        constructors: The constructors of the modules of ``torch.nn`` that were called, by ``id``.
    """

    network: nn.Module
    dissolved: set[nn.Module] = field(default_factory=set)
    passes: dict[nn.Module, Pass] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    constructors: dict[int, str] = field(default_factory=dict)
    _frame: Frame | None = None
    _paused: bool = False
    _known: dict[int, Tensor] = field(default_factory=dict)  # parameters and buffers
    _varies: set[int] = field(default_factory=set)  # tensors that depend on the example
    _alive: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        for tensor in (*self.network.parameters(), *self.network.buffers()):
            self._known[id(tensor)] = tensor
        self._varies.update(self._known)

    def record(self, example: Example) -> None:
        """Run the network on its example, and record its pass.

        Raises:
            NoSource: if the pass depends on values of the example, or calls what source cannot
                name.
            Entangled: if a module reads tensors that it was not given.
        """
        if len(leaves([example.args, example.named])) != len(example.tensors):
            raise NoSource("an argument that is no tensor, tuple, list or mapping of tensors")
        for module in self.network.modules():
            original = module.forward
            module.forward = self._recording(module, original)
        self._varies.update(id(tensor) for tensor in example.tensors)
        try:
            with torch.no_grad(), self:
                example.call(self.network)
        finally:
            for module in self.network.modules():
                module.__dict__.pop("forward", None)

    def _recording(self, module: nn.Module, original: Callable[..., Any]) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:
            if self._paused:
                return original(*args, **kwargs)
            return self._called(module, original, args, kwargs)

        return forward

    def _called(
        self, module: nn.Module, original: Callable[..., Any], args: Any, kwargs: Any
    ) -> Any:
        frame = self._frame
        if frame is None:
            return self._own_pass(module, original, args, kwargs)[1]
        if module in self.dissolved:
            return original(*args, **kwargs)
        text = self._text_of(module, frame)
        sequential = type(module) is nn.Sequential
        constructor = None if sequential else self._constructor(module)
        if constructor is not None:
            arguments = self._arguments(frame, args, kwargs)
            returned = self._silently(lambda: original(*args, **kwargs))
        elif sequential:
            arguments = self._arguments(frame, args, kwargs)
            self._frame = Frame(module, frame, inside=True)
            try:
                returned = original(*args, **kwargs)
            finally:
                self._frame = frame
        else:
            given, returned = self._own_pass(module, original, args, kwargs)
            arguments = ", ".join(self._text(value, frame) for value in given)
        self.used.add(id(module))
        self._note(returned)
        frame.assign(returned, f"{text}({arguments})", effect=True)
        return returned

    def _constructor(self, module: nn.Module) -> str | None:
        if id(module) not in self.constructors:
            text = self._silently(lambda: constructor_text(module))
            if text is None:
                return None
            self.constructors[id(module)] = text
        return self.constructors[id(module)]

    def _silently(self, function: Callable[[], Any]) -> Any:
        self._paused = True
        try:
            return function()
        finally:
            self._paused = False

    def _own_pass(
        self, module: nn.Module, original: Callable[..., Any], args: Any, kwargs: Any
    ) -> tuple[list[Any], Any]:
        """Record the pass of a module; return the arguments that it needs, and what it returned."""
        outer = self._frame
        frame = self._frame = Frame(module, outer)
        args, kwargs, given = _bound(frame, original, args, kwargs, whole=outer is None)
        try:
            returned = original(*args, **kwargs)
            text = returned_text(returned, lambda value: self._named(value, frame))
        finally:
            self._frame = outer
        numbers = [n for n in frame.given if outer is None or frame.uses(n, text)]
        lines = frame.lines(text)
        recorded = Pass(
            tuple(_parameters([(frame.given[n], given[n]) for n in numbers])),
            tuple(lines),
            {n: c for n, c in frame.constants.items() if f"self.{n}" in "\n".join(lines)},
        )
        before = self.passes.setdefault(module, recorded)
        if (before.parameters, before.lines) != (recorded.parameters, recorded.lines):
            raise Entangled(module)
        return [given[n] for n in numbers], returned

    def _text_of(self, module: nn.Module, frame: Frame) -> str:
        """Return the expression of a submodule.

        Raises:
            Entangled: if it is outside of the module whose pass is recorded.
        """
        for path, found in frame.module.named_modules(remove_duplicate=False):
            if found is module and path:
                return access(frame.module, path.split("."))
        raise self._foreign(frame, f"the module {type(module).__name__}, registered nowhere")

    def _foreign(self, frame: Frame, what: str) -> Exception:
        if frame.outer is None:
            return NoSource(what)
        return Entangled(frame.module)

    def _arguments(self, frame: Frame, args: Any, kwargs: Any) -> str:
        return "" if frame.inside else arguments_text(args, kwargs, self._naming(frame))

    def _naming(self, frame: Frame) -> Callable[[object], str | None]:
        return lambda value: self._named(value, frame)

    def _text(self, value: object, frame: Frame) -> str:
        return "" if frame.inside else returned_text(value, self._naming(frame))

    def _named(self, value: object, frame: Frame) -> str | None:
        """Return the expression of a tensor, a size or a device; None of another value."""
        if isinstance(value, TracedSize):
            return value.text if value.owner is frame else str(int(value))
        if isinstance(value, torch.device):
            return frame.device_text()
        if not isinstance(value, Tensor):
            return None
        if id(value) in frame.texts:
            return frame.texts[id(value)]
        if id(value) in self._known:
            return self._weight(value, frame)
        if id(value) in self._varies:
            raise self._foreign(frame, "a tensor that was computed by what torch cannot see")
        return self._constant(value, frame)

    def _weight(self, tensor: Tensor, frame: Frame) -> str:
        module = frame.module
        for named in (module.named_parameters, module.named_buffers):
            for path, found in named(remove_duplicate=False):
                if found is tensor:
                    self.used.add(id(tensor))
                    return access(module, path.split("."))
        raise self._foreign(frame, "a parameter that is registered nowhere")

    def _constant(self, tensor: Tensor, frame: Frame) -> str:
        for name, known in frame.constants.items():
            if known is tensor:
                return f"self.{name}"
        name = f"constant_{len(frame.constants)}"
        while hasattr(frame.module, name):
            name += "_"
        frame.constants[name] = tensor
        return f"self.{name}"

    def _note(self, value: Any) -> None:
        """Note tensors as computed from the example."""
        for tensor, _ in leaves(value):
            self._varies.add(id(tensor))
            self._alive.append(tensor)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        frame = self._frame
        if self._paused or frame is None:
            return func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        special = self._size(name, func, args, kwargs, frame)
        if special is not None:
            return special
        varies = any(id(tensor) in self._varies for tensor, _ in leaves([args, kwargs]))
        if name in _READS and varies:
            raise NoSource(
                f"the value of a tensor ({name}): the forward pass depends on the numbers it is "
                "given"
            )
        text = self._call_text(func, args, kwargs, frame)
        read = [tensor for tensor, _ in leaves([args, kwargs])]
        before = self._versions(read)
        returned = self._silently(lambda: func(*args, **kwargs))
        changed = self._versions(read) != before
        if not leaves(returned) and not changed:
            return returned
        if isinstance(text, NoSource):
            if varies or changed:
                raise text
            return returned  # a constant
        if frame.inside:
            raise Entangled(frame.module)
        known = isinstance(returned, Tensor) and id(returned) in frame.texts
        if changed and (known or not leaves(returned)):
            frame.act(text)
        elif not known:
            frame.assign(returned, text, effect=changed)
        if varies:
            self._note([returned, *read] if changed else returned)
        return returned

    def _versions(self, tensors: list[Tensor]) -> list[int]:
        """Return how often each tensor was changed in place."""
        versions: list[int] = self._silently(lambda: [tensor._version for tensor in tensors])
        return versions

    def _call_text(self, func: Any, args: Any, kwargs: Any, frame: Frame) -> str | NoSource:
        try:
            return call_text(func, args, kwargs, self._naming(frame))
        except NoSource as error:
            return error

    def _size(self, name: str, func: Any, args: Any, kwargs: Any, frame: Frame) -> Any:
        """Return sizes and devices of tensors; None where the function asks for neither."""
        getter = func.__self__.__name__ if name == "__get__" else name
        if getter not in ("shape", "size", "device") or frame.inside or not args:
            return None
        tensor, named = args[0], self._naming(frame)
        if getter == "device":
            if frame.device is None:
                frame.ask_device(call_text(func, args, kwargs, named))
            return self._silently(lambda: func(*args, **kwargs))
        wanted = args[1] if len(args) > 1 else kwargs.get("dim")
        count = self._silently(tensor.dim)
        return self._silently(
            lambda: (
                torch.Size([frame.size(tensor, axis, named) for axis in range(count)])
                if wanted is None
                else frame.size(tensor, wanted % count, named)
            )
        )


def _bound(
    frame: Frame, original: Callable[..., Any], args: Any, kwargs: Any, *, whole: bool
) -> tuple[tuple[Any, ...], dict[str, Any], dict[int, Any]]:
    """Make the arguments of a pass its parameters, by the names of its signature.

    Returns:
        The arguments as the pass receives them, and variable -> argument. Where ``whole``, all
        arguments are parameters, else those that are computed.
    """
    names = _positional_names(original)
    given: dict[int, Any] = {}

    def taken(name: str, value: Any) -> Any:
        if not whole and not leaves(value) and not isinstance(value, TracedSize):
            return value
        received = frame.give(value, name)
        given[max(frame.given)] = value
        return received

    fresh = [names[i] if i < len(names) else f"x{i}" for i in range(len(args))]
    positional = tuple(taken(name, value) for name, value in zip(fresh, args, strict=True))
    return positional, {name: taken(name, value) for name, value in kwargs.items()}, given


def _positional_names(original: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(original).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in kinds]


def _parameters(given: list[tuple[str, Any]]) -> list[str]:
    """Return the parameters of a signature; trailing plain values are their defaults."""
    texts: list[str] = []
    for name, value in reversed(given):
        plain = not leaves(value) and not isinstance(value, TracedSize)
        trailing = all("=" in text for text in texts)
        texts.append(f"{name}={value!r}" if plain and trailing else name)
    return texts[::-1]
