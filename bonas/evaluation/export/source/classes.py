"""Recorded passes as classes: one per distinct text, the parts before the whole."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

from torch import Tensor, nn

from bonas.evaluation.export.source.expressions import quoted
from bonas.evaluation.export.source.frame import access
from bonas.evaluation.export.source.layout import wrapped
from bonas.evaluation.export.source.recorder import Pass, Recorder

_LISTS = (nn.Sequential, nn.ModuleList)
_RESERVED = frozenset(("F", "Path", "Tensor", "load", "load_file", "load_model", "main", "math"))
_REPEATED = 3  # equal neighbours in a list are written once, from so many on


@dataclass(eq=False)
class Classes:
    """The classes of a recorded network.

    Attributes:
        recorder: The recording.
        texts: The text of each class without its name -> its name; in the order of definition.
    """

    recorder: Recorder
    texts: dict[tuple[str, ...], str] = field(default_factory=dict)

    def source(self) -> tuple[str, str]:
        """Return the source of all classes, and the name of the network's."""
        name = self._class(self.recorder.network, tied=tied_names(self.recorder))
        blocks = (
            "\n".join([f"class {title}({base}):", *text])
            for (base, *text), title in self.texts.items()
        )
        return "\n\n\n".join(blocks), name

    def _class(self, module: nn.Module, tied: Iterable[tuple[str, str]] = ()) -> str:
        """Return the name of the class of a module, which is written if no other is the same."""
        recorded = self.recorder.passes.get(module)
        lines = [*self._own_tensors(module, recorded)]
        for name, child in module._modules.items():
            if child is not None and self._is_used(child):
                lines.append(_assigned(name, self._construction(child), module))
            elif isinstance(module, _LISTS):  # later ones keep their places
                lines.append(_assigned(name, "nn.Identity()", module))
        lines += [f"{first} = {second}" for first, second in tied]
        body = [part for line in ["super().__init__()", *lines] for part in wrapped(line, 8)]
        methods = [["    def __init__(self):", *body]] if lines else []
        if recorded is not None:
            parameters = ", ".join(("self", *recorded.parameters))
            inside = [part for line in recorded.lines for part in wrapped(line, 8)]
            methods.append([*wrapped(f"def forward({parameters}):", 4), *inside])
        text = [line for method in methods for line in ("", *method)][1:]
        return self.texts.setdefault((_base(module), *text), self._free_name(type(module).__name__))

    def _own_tensors(self, module: nn.Module, recorded: Pass | None) -> Iterable[str]:
        for name, parameter in module._parameters.items():
            if parameter is not None and id(parameter) in self.recorder.used:
                made = f"nn.Parameter({_zeros(parameter)})"
                if name.isidentifier():
                    yield f"self.{name} = {made}"
                else:
                    yield f"self.register_parameter({quoted(name)}, {made})"
        buffers = {n: b for n, b in module._buffers.items() if b is not None}
        used = {n: b for n, b in buffers.items() if id(b) in self.recorder.used}
        for name, buffer in {**used, **(recorded.constants if recorded else {})}.items():
            yield f"self.register_buffer({quoted(name)}, {_zeros(buffer)})"

    def _construction(self, module: nn.Module) -> str:
        """Return source that builds a module."""
        known = self.recorder.constructors.get(id(module))
        if known is not None and id(module) in self.recorder.used:
            return known
        if type(module) is nn.ModuleDict:
            used = [(name, child) for name, child in module.items() if self._is_used(child)]
            pairs = ", ".join(f"{quoted(n)}: {self._construction(child)}" for n, child in used)
            return f"nn.ModuleDict({{{pairs}}})"
        if type(module) in _LISTS and all(name.isdigit() for name in module._modules):
            whole = type(module) is nn.Sequential and id(module) in self.recorder.used
            parts = [
                self._construction(child) if whole or self._is_used(child) else "nn.Identity()"
                for child in module._modules.values()
                if child is not None
            ]
            return _list_text(type(module).__name__, parts)
        if type(module) is nn.ParameterList:
            made = ", ".join(f"nn.Parameter({_zeros(p)})" for p in module)
            return f"nn.ParameterList([{made}])"
        if type(module) is nn.ParameterDict:
            pairs = ", ".join(f"{quoted(n)}: nn.Parameter({_zeros(p)})" for n, p in module.items())
            return f"nn.ParameterDict({{{pairs}}})"
        if type(module) is nn.Sequential:
            named = (f"({quoted(n)}, {self._construction(c)})" for n, c in module.named_children())
            return f"nn.Sequential(OrderedDict([{', '.join(named)}]))"
        return f"{self._class(module)}()"

    def _is_used(self, module: nn.Module) -> bool:
        used = self.recorder.used
        tensors = (*module.parameters(), *module.buffers())
        return any(id(item) in used for item in (*module.modules(), *tensors))

    def _free_name(self, wanted: str) -> str:
        name = re.sub(r"\W", "", wanted) or "Network"
        if keyword.iskeyword(name) or name in _RESERVED or not name.isidentifier():
            name = f"Network{name}"
        taken, number = set(self.texts.values()), 1
        while (free := name + (str(number) if number > 1 else "")) in taken:
            number += 1
        return free


def tied_names(recorder: Recorder) -> list[tuple[str, str]]:
    """Return which parameters and buffers are one tensor under two names: (second, first)."""
    network, first, tied = recorder.network, dict[int, str](), list[tuple[str, str]]()
    for named in (network.named_parameters, network.named_buffers):
        for path, tensor in named(remove_duplicate=False):
            if not _is_there(recorder, path, tensor):
                continue
            text = access(network, path.split("."))
            known = first.setdefault(id(tensor), text)
            if known != text:
                tied.append((text, known))
    return tied


def _base(module: nn.Module) -> str:
    """Return the class that a module's class derives from, which decides how parts are read."""
    for kind in (*_LISTS, nn.ModuleDict):
        if isinstance(module, kind):
            return f"nn.{kind.__name__}"
    return "nn.Module"


def _assigned(name: str, value: str, owner: nn.Module) -> str:
    """Return the statement that makes a module part of its owner."""
    plain = name.isidentifier() and not keyword.iskeyword(name)
    if plain and not isinstance(owner, nn.ModuleDict):
        return f"self.{name} = {value}"
    return f"self.add_module({quoted(name)}, {value})"


def _is_there(recorder: Recorder, path: str, tensor: Tensor) -> bool:
    """Return whether a tensor is part of the source under a path."""
    *parents, _ = path.split(".")
    module, used = recorder.network, recorder.used
    for name in ("", *parents):
        module = module.get_submodule(name)
        if id(module) in recorder.constructors and id(module) in used:
            return True
    return id(tensor) in used


def _list_text(kind: str, parts: list[str]) -> str:
    """Return a list of modules, in which a run of equal ones is written once."""
    items: list[str] = []
    for text, group in groupby(parts):
        count = len(list(group))
        if count < _REPEATED:
            items += [text] * count
        else:
            items.append(f"*({text} for _ in range({count}))")
    inside = ", ".join(items)
    if kind == "Sequential":
        return f"nn.Sequential({inside})"
    return f"nn.{kind}([{inside}])"


def _zeros(tensor: Tensor) -> str:
    dtype = (
        ""
        if tensor.dtype.is_floating_point and tensor.dtype.itemsize == 4
        else (f", dtype={tensor.dtype}")
    )
    return f"torch.zeros({tuple(tensor.shape)}{dtype})"
