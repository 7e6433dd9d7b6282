"""Tensors as safetensors files: contiguous, in the order of their names, no pickle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bonas.errors import MissingPackage


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors by name.

    Raises:
        MissingPackage: without the package safetensors.
    """
    file = _safetensors()
    own = {n: _plain(tensors[n]) for n in sorted(tensors)}
    file.save_file(own, path)
    path.chmod(0o644)  # it is private otherwise


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name."""
    tensors: dict[str, Tensor] = _safetensors().load_file(path)
    return tensors


def distinct_state(network: nn.Module) -> dict[str, Tensor]:
    """Return the state of a network; tensors that are tied appear under their first name."""
    seen: set[tuple[int, int, tuple[int, ...]]] = set()
    state: dict[str, Tensor] = {}
    for name, tensor in network.state_dict().items():
        key = (tensor.data_ptr(), tensor.numel(), tuple(tensor.shape))
        if key not in seen or not tensor.numel():
            seen.add(key)
            state[name] = tensor
    return state


def _plain(tensor: Tensor) -> Tensor:
    own = tensor.detach().cpu()
    return torch.empty(own.shape, dtype=own.dtype).copy_(own)


def _safetensors() -> Any:
    try:
        import safetensors.torch as file
    except ImportError as error:
        raise MissingPackage(
            f'expected the package safetensors for exports, got {error}; pip install "bonas[onnx]"'
        ) from error
    return file
