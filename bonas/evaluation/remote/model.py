"""A model to measure: an ONNX file and the inputs of one call, as bytes.

The reference network is part of every measurement. Its latency shows whether the device's clock or
load changed. It is written operator by operator, so that it is the same file whatever exports
networks.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bonas.errors import MissingPackage

_CHANNELS = 16
_SIZE = 32  # pixels
_LAYERS = 6  # 14 million multiply-adds: a quarter of a millisecond of a server's core


@dataclass(frozen=True)
class Model:
    """An ONNX file in memory, and its inputs as a file of numpy's ``savez``."""

    file: bytes = field(repr=False)
    inputs: bytes = field(repr=False)

    @classmethod
    def of(cls, path: str | Path, inputs: Mapping[str, np.ndarray[Any, Any]]) -> Model:
        """Return the model of a file; ``inputs`` maps the name of each input to its array."""
        return cls(Path(path).read_bytes(), packed(inputs))


def packed(arrays: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    """Return arrays as the bytes of a file of numpy's ``savez``."""
    file = io.BytesIO()
    np.savez(file, **dict(arrays))  # type: ignore[arg-type]  # names of arrays, no option
    return file.getvalue()


@cache
def reference() -> Model:
    """Return the reference network: six convolutions of 16 channels over 32 x 32 pixels.

    Raises:
        MissingPackage: without the extra ``onnx``.
    """
    try:
        from onnx import TensorProto, helper, numpy_helper
    except ImportError as error:
        raise MissingPackage(
            'measuring on a device needs the package onnx; pip install "bonas[onnx]"'
        ) from error
    shape = [1, _CHANNELS, _SIZE, _SIZE]
    random = np.random.default_rng(0)
    nodes, weights = [], []
    for i in range(_LAYERS):
        filters = random.normal(0.0, 0.1, (_CHANNELS, _CHANNELS, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(filters, f"w{i}"))
        nodes.append(helper.make_node("Conv", [f"x{i}", f"w{i}"], [f"y{i}"], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [f"y{i}"], [f"x{i + 1}"]))
    graph = helper.make_graph(
        nodes,
        "reference",
        [helper.make_tensor_value_info("x0", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(f"x{_LAYERS}", TensorProto.FLOAT, shape)],
        weights,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    image = random.normal(size=shape).astype(np.float32)
    return Model(made.SerializeToString(), packed({"x0": image}))
