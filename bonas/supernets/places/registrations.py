"""Registrations: the parameters that modules register while a network is built, and their places.

The place of a parameter is written as

    options of choose that are open | functions of the user, from the builder inwards | class.name

    block2='conv' | family:6.17[2] > block:2.11 | Conv2d.weight

where ``6.17[2]`` is a line and a column of the function, and the iteration of each loop around it.
Two parameters of one place are numbered in the order in which they are made.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType

from torch import nn
from torch.nn.modules import module as torch_module

from bonas.spaces.architecture import Choice
from bonas.spaces.families.listener import listening
from bonas.supernets.places.activation import Activation
from bonas.supernets.places.code_map import CodeMap, CodeMaps


class Registrations:
    """The parameters of one network with their places, in the order in which they were made.

    Args:
        maps: Maps of code that networks of the same builder share; more are added.
        modules: Whether the places of modules are noted as well, for parameters that no module
            registers, such as those of copies.
    """

    def __init__(self, maps: CodeMaps, *, modules: bool = False) -> None:
        self._maps, self._modules = maps, modules
        self._boundary: FrameType | None = None
        self._activations: dict[FrameType, Activation] = {}
        self._latest: tuple[FrameType, FrameType, str] | None = None
        self._open: list[str] = []
        self._taken: Counter[str] = Counter()
        self._parameters: dict[int, tuple[nn.Parameter, str]] = {}
        self._named: dict[tuple[int, str], str] = {}
        self._held: dict[int, tuple[nn.Module, str]] = {}
        self._owners: list[nn.Module] = []  # kept, so that no later module has the identity of one

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record what is registered in this thread, by the functions that are called inside."""
        _install()
        self._boundary = sys._getframe(2)  # that of the function which opened the context
        token = _recording.set(self)
        try:
            with listening(self):
                yield
        finally:
            _recording.reset(token)
            self._activations.clear()
            self._boundary = self._latest = None

    def place(self, parameter: nn.Parameter) -> str | None:
        """Return where a parameter was made; None if no module registered it."""
        return self._parameters.get(id(parameter), (None, None))[1]

    def place_of_name(self, module: nn.Module, name: str) -> str | None:
        """Return where a module's parameter of a name was first made; None if it never was."""
        return self._named.get((id(module), name))

    def place_of_module(self, module: nn.Module) -> str | None:
        """Return where a module was copied or became part of another; None if that is not known."""
        return self._held.get(id(module), (None, None))[1]

    def asked(self, name: str) -> None:
        """Note a question: evidence of the iterations of loops."""
        self._site(sys._getframe(1))

    @contextmanager
    def calling(self, name: str, option: object) -> Iterator[None]:
        """Open an option of ``choose``."""
        self._open.append(f"{name}={option!r}")
        self._latest = None
        try:
            yield
        finally:
            self._open.pop()
            self._latest = None

    def copied(self, name: str, option: Choice, module: nn.Module) -> None:
        """Note a module that is an option itself, and copied for this network."""
        site = self._site(sys._getframe(1))
        self._hold(module, f"{site} | {name}={option!r}")

    def parameter_registered(self, module: nn.Module, name: str, value: object) -> None:
        """Note a parameter, unless it was noted before: under a second name it is the same."""
        if not isinstance(value, nn.Parameter) or id(value) in self._parameters:
            return
        site = self._site(sys._getframe(2))
        place = self._numbered(f"{site} | {type(module).__qualname__}.{name}")
        self._parameters[id(value)] = value, place
        if (id(module), name) not in self._named:
            self._named[id(module), name] = place
            self._owners.append(module)

    def module_registered(self, holder: nn.Module, name: str, value: object) -> None:
        """Note where a module became part of another one for the first time."""
        if self._modules and isinstance(value, nn.Module) and id(value) not in self._held:
            self._hold(
                value, f"{self._site(sys._getframe(2))} | {type(holder).__qualname__}.{name}"
            )

    def _hold(self, module: nn.Module, place: str) -> None:
        self._held[id(module)] = module, self._numbered(place)

    def _numbered(self, place: str) -> str:
        """Return a place, with a number from the second time on."""
        self._taken[place] += 1
        n = self._taken[place]
        return place if n == 1 else f"{place} #{n}"

    def _site(self, frame: FrameType | None) -> str:
        """Return the open options and the functions of the user that lead to a frame."""
        calls: list[tuple[FrameType, FrameType, CodeMap]] = []
        called = frame
        while frame is not None and frame is not self._boundary:
            assert called is not None
            code = self._maps.of(frame)
            if code is not None:
                if not calls and self._latest is not None and self._latest[:2] == (frame, called):
                    return self._latest[2]  # the same call, so the same functions above it
                calls.append((frame, called, code))
            called, frame = frame, frame.f_back
        path = " > ".join(
            f"{own.f_code.co_qualname}:{self._activation(own, code).place(own, call)}"
            for own, call, code in reversed(calls)
        )
        site = f"{' '.join(self._open)} | {path}" if self._open else path
        if calls:
            self._latest = calls[0][0], calls[0][1], site
        return site

    def _activation(self, frame: FrameType, code: CodeMap) -> Activation:
        if frame not in self._activations:
            self._activations[frame] = Activation(code)
        return self._activations[frame]


_recording: ContextVar[Registrations | None] = ContextVar("_recording", default=None)
_lock = threading.Lock()
_installed: list[object] = []


def _install() -> None:
    """Add the hooks to torch, once per process.

    They stay: torch's table of hooks is read whenever a module is built, by every thread, and a
    table that changes in the meantime is an error there. Without a recording they do nothing.
    """
    with _lock:
        if not _installed:
            _installed.append(
                torch_module.register_module_parameter_registration_hook(_on_parameter)
            )
            _installed.append(torch_module.register_module_module_registration_hook(_on_module))


def _on_parameter(module: nn.Module, name: str, value: object) -> None:
    recording = _recording.get()
    if recording is not None:
        recording.parameter_registered(module, name, value)


def _on_module(holder: nn.Module, name: str, value: object) -> None:
    recording = _recording.get()
    if recording is not None:
        recording.module_registered(holder, name, value)
