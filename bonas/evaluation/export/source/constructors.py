"""Constructors of ``torch.nn`` modules as source: ``nn.Conv2d(16, 32, 3, padding=1, bias=False)``.

The arguments are read from the attributes of the module. The text is evaluated on the ``meta``
device, and only a module of the same state and the same attributes is believed; of any other the
forward is recorded instead.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from bonas.evaluation.export.source.expressions import NAMES, NoSource, value_text

_PLAIN = (bool, int, float, str, type(None))
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)
_WITHOUT = ("self", "device", "dtype")
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")


def constructor_text(module: nn.Module) -> str | None:
    """Return source that builds such a module, None if it is no plain module of ``torch.nn``."""
    kind = type(module)
    if getattr(nn, kind.__name__, None) is not kind or isinstance(module, _CONTAINERS):
        return None
    if any(getattr(module, name) for name in _HOOKS):
        return None
    for short in (True, False):  # 3 instead of (3, 3), where the constructor makes that of it
        try:
            text = _text(module, short=short)
            if _same(module, _built(text)):
                return text
        except Exception:  # a constructor may object to what its attributes say in any way
            continue
    return None


def _text(module: nn.Module, *, short: bool) -> str:
    texts: list[str] = []
    for name, default in _parameters(module):
        value = _argument(module, name)
        if short:
            value = _shortened(value)
        if default is inspect.Parameter.empty:
            texts.append(value_text(value, _unnamed))
        elif value is not _MISSING and value != default:
            texts.append(f"{name}={value_text(value, _unnamed)}")
    dtype = _dtype(module)
    if dtype is not torch.float32:
        texts.append(f"dtype={dtype}")
    return f"nn.{type(module).__name__}({', '.join(texts)})"


def _parameters(module: nn.Module) -> Iterator[tuple[str, object]]:
    """Yield name and default of each argument that says what the module is."""
    recurrent = isinstance(module, nn.RNNBase)
    constructor = nn.RNNBase.__init__ if recurrent else type(module).__init__
    for name, parameter in inspect.signature(constructor).parameters.items():
        if name not in _WITHOUT and not name.startswith("_") and not (recurrent and name == "mode"):
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                if hasattr(module, name):
                    raise NoSource(name)
                continue
            yield name, parameter.default
    if isinstance(module, nn.RNN):
        yield "nonlinearity", "tanh"


_MISSING = object()


def _argument(module: nn.Module, name: str) -> Any:
    if isinstance(module, nn.MultiheadAttention):
        if name == "bias":
            return module.in_proj_bias is not None
        if name == "add_bias_kv":
            return module.bias_k is not None
        if name in ("kdim", "vdim") and getattr(module, name) == module.embed_dim:
            return None
    value = getattr(module, name, _MISSING)
    if name == "bias" and (value is None or isinstance(value, Tensor)):
        return value is not None
    if value is _MISSING and name == "inplace":
        return False
    return value


def _shortened(value: object) -> object:
    same = isinstance(value, tuple) and value and len(set(value)) == 1
    return value[0] if same and isinstance(value, tuple) else value


def _dtype(module: nn.Module) -> torch.dtype:
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point() or tensor.is_complex():
            return tensor.dtype
    return torch.float32


def _unnamed(value: object) -> str | None:
    if isinstance(value, (nn.Module, Tensor)) or value is _MISSING:
        raise NoSource("an argument that is no plain value")
    return None


def _built(text: str) -> nn.Module:
    with torch.device("meta"):
        module: nn.Module = eval(text, dict(NAMES))
    return module


def _same(module: nn.Module, built: nn.Module) -> bool:
    return _state(module) == _state(built) and _attributes(module) == _attributes(built)


def _state(module: nn.Module) -> dict[str, Any]:
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    kept = module.state_dict().keys()
    return {name: (t.shape, t.dtype, name in kept) for name, t in tensors.items()}


def _attributes(module: nn.Module) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and name != "training" and _is_plain(value)
    }


def _is_plain(value: object) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, value))
    return isinstance(value, _PLAIN)
