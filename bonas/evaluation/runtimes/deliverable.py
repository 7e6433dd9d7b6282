"""Deliverable: a network in the one form that every exporter takes, and how far a copy is off.

Weights in ``channels_last`` order are refused by safetensors, end ExecuTorch's lowering in an
assertion, and come out of LiteRT silently wrong. So whatever leaves bonas starts from this copy.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from bonas.errors import InvalidData
from bonas.settings import own_settings

_HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)
_BESIDE_HOOKS = (
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks_with_kwargs",
)
_COMPUTE_WEIGHTS = "torch.nn.utils."  # weight_norm, spectral_norm, pruning: part of the function


@own_settings()
def deliverable(network: nn.Module) -> nn.Module:
    """Return a copy of a network to deliver: on the CPU, in evaluation mode, contiguous.

    Each parameter and buffer has its own memory in row-major order, whatever the network's is, and
    no gradient; tied weights stay tied. Hooks are dropped, except those of ``torch.nn.utils`` that
    compute weights. The network itself is not changed.

    Raises:
        InvalidData: if it cannot be copied, or was never run and does not know its shapes yet.
    """
    _check_shaped(network)
    try:
        own = copy.deepcopy(network)
    except Exception as error:
        raise InvalidData(
            f"expected a network that can be copied, but {type(network).__name__} raises "
            f"{type(error).__name__}: {_first_line(error)}; keep tensors that were computed, and "
            "open files or locks, out of its attributes"
        ) from error
    own = own.cpu().eval()
    for parameter in own.parameters():
        parameter.grad = None
        parameter.data = _contiguous(parameter.data)
    _make_buffers_contiguous(own)
    for module in own.modules():
        _drop_hooks(module)
    return own


def largest_difference(outputs: object, reference: object) -> float:
    """Return the largest difference of any output, as a share of that output's range.

    Outputs are tensors or arrays, or tuples, lists, mappings and objects of them, compared in
    order. ``1e-6`` is a millionth of the distance between the reference's largest and smallest
    number; a constant reference counts by its size. Where both are NaN, or equally infinite, they
    agree; other numbers of outputs, shapes or non-finite numbers give infinity.
    """
    found, wanted = list(arrays_in(outputs)), list(arrays_in(reference))
    if len(found) != len(wanted):
        return math.inf
    return max(map(_difference, found, wanted), default=0.0)


def arrays_in(returned: object) -> Iterator[np.ndarray]:
    """Yield what a network returned as arrays, in order; bfloat16 as float32, strings left out."""
    for tensor in outputs_in(returned):
        yield as_array(tensor)


def outputs_in(returned: object) -> Iterator[Tensor | np.ndarray]:
    """Yield the tensors and arrays that a network returned, in order.

    They may be nested in tuples, lists, mappings, and attributes of other objects (a dataclass).
    """
    if isinstance(returned, (Tensor, np.ndarray)):
        yield returned
    elif isinstance(returned, Mapping):
        for part in returned.values():
            yield from outputs_in(part)
    elif isinstance(returned, (tuple, list)):
        for part in returned:
            yield from outputs_in(part)
    elif not isinstance(returned, (str, bytes, type, nn.Module)):
        slots = getattr(type(returned), "__slots__", ())
        own = {name: getattr(returned, name, None) for name in slots}
        for part in (own | getattr(returned, "__dict__", {})).values():
            if isinstance(part, (Tensor, np.ndarray, Mapping, tuple, list)):
                yield from outputs_in(part)


def as_array(tensor: Tensor | np.ndarray) -> np.ndarray:
    """Return a tensor of any device, in any precision, as an array."""
    if isinstance(tensor, np.ndarray):
        return tensor
    own = tensor.detach().cpu()
    return (own.float() if own.dtype == torch.bfloat16 else own).resolve_conj().numpy()


def _difference(found: np.ndarray, wanted: np.ndarray) -> float:
    if found.shape != wanted.shape:
        return math.inf
    if not wanted.size:
        return 0.0
    kind = np.complex128 if np.iscomplexobj(wanted) else np.float64
    a, b = found.astype(kind), wanted.astype(kind)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        largest = float(np.max(np.where(same, 0.0, np.abs(a - b))))
    if math.isnan(largest):
        return math.inf
    return largest / _range(np.abs(b) if kind is np.complex128 else b) if largest else 0.0


def _range(values: np.ndarray) -> float:
    """Return the range of the finite numbers; where they are equal, their size; else 1."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 1.0
    return float(np.ptp(finite)) or float(np.max(np.abs(finite))) or 1.0


def _contiguous(tensor: Tensor) -> Tensor:
    """Return a copy in row-major order.

    ``contiguous()`` would leave a 1x1 filter in ``channels_last`` as it is: where sizes are 1, both
    orders are the same to torch, but not to all exporters.
    """
    if tensor.layout is not torch.strided:
        return tensor.clone()
    return torch.empty(tensor.shape, dtype=tensor.dtype).copy_(tensor)


def _make_buffers_contiguous(network: nn.Module) -> None:
    done: dict[int, Tensor] = {}  # a buffer may be shared
    for module in network.modules():
        for name, buffer in module.named_buffers(recurse=False):
            done.setdefault(id(buffer), _contiguous(buffer.detach()))
            setattr(module, name, done[id(buffer)])


def _drop_hooks(module: nn.Module) -> None:
    for kind in _HOOKS:
        hooks = getattr(module, kind, {})
        for key, hook in list(hooks.items()):
            if not _computes_weights(hook):
                del hooks[key]
                for beside in _BESIDE_HOOKS:
                    getattr(module, beside, {}).pop(key, None)


def _computes_weights(hook: object) -> bool:
    home = getattr(hook, "__module__", None) or type(hook).__module__
    return f"{home}.".startswith(_COMPUTE_WEIGHTS) or type(hook).__module__.startswith(
        _COMPUTE_WEIGHTS
    )


def _check_shaped(network: nn.Module) -> None:
    for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
        if is_lazy(tensor):
            raise InvalidData(
                f"expected a network whose weights have their shapes, but {name!r} of "
                f"{type(network).__name__} is lazy; run it once on a batch"
            )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0]
