"""Sketches: a network's operations, the data between them and what each costs, without building it.

A sketch takes milliseconds; operations are added in the order in which data flow. It becomes the
graph that surrogates read, and has parameters, multiply-adds and the sizes of all outputs.

    sketch = Sketch((3, 32, 32))
    x = sketch.add("conv2d", [sketch.input], (16, 32, 32), parameters=448, multiply_adds=442_368,
                   inputs=3, outputs=16, kernel=3)
    graph = sketch.graph(x)

Each node of the graph has the features ``FEATURES``, all as ``log(1 + value)``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from bonas.errors import InvalidGraph
from bonas.spaces.graph import INPUT, OUTPUT, ArchitectureGraph
from bonas.spaces.outline import Block, Outline

FEATURES = (
    "inputs",
    "outputs",
    "kernel",
    "stride",
    "groups",
    "heads",
    "elements",
    "parameters",
    "multiply_adds",
)
"""The columns of a node's features: channels in and out, kernel side, stride, groups, heads,
numbers computed for one example, trainable parameters, multiply-adds for one example."""

Shape = tuple[int, ...]
Sizes = Mapping[str, float]
"""``parameters``, ``multiply_adds`` for one example, ``memory`` in bytes -> how many."""

_BYTES = 4.0  # per number, in float32
_LARGEST = math.log(2.0**62)  # of a feature


@dataclass(frozen=True, slots=True)
class Operation:
    """One node: its label, the nodes that it reads, the ``shape`` of one example's output.

    ``blocks`` are those that it is in, the outermost first.
    """

    label: str
    sources: tuple[int, ...]
    shape: Shape
    sizes: Mapping[str, int]
    blocks: tuple[Block, ...] = ()


@dataclass
class Sketch:
    """Operations in the order in which data flow; it grows by ``add``.

    Args:
        shape: Of one example, without the batch.
    """

    shape: Shape
    operations: list[Operation] = field(default_factory=list, init=False)
    _open: list[Block] = field(default_factory=list, init=False, repr=False, compare=False)
    _opened: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.input = self._put(INPUT, (), tuple(self.shape), {"elements": math.prod(self.shape)})

    def add(
        self,
        label: str,
        sources: Sequence[int],
        shape: Sequence[int],
        *,
        parameters: int = 0,
        multiply_adds: int = 0,
        inputs: int = 0,
        outputs: int = 0,
        kernel: int = 0,
        stride: int = 0,
        groups: int = 0,
        heads: int = 0,
    ) -> int:
        """Add an operation that reads the operations ``sources``, and return its number.

        ``shape`` is that of its output for one example; sizes that an operation does not have
        stay 0.

        Raises:
            InvalidGraph: for a source that was not added before, or a negative size.
        """
        sizes = {
            "inputs": inputs,
            "outputs": outputs,
            "kernel": kernel,
            "stride": stride,
            "groups": groups,
            "heads": heads,
            "elements": math.prod(shape),
            "parameters": parameters,
            "multiply_adds": multiply_adds,
        }
        return self._put(label, tuple(dict.fromkeys(sources)), tuple(shape), sizes)

    def linear(self, source: int, inputs: int, outputs: int) -> int:
        """Add a linear map with bias, of ``inputs`` numbers to ``outputs``; return its number."""
        weights = inputs * outputs
        return self.add(
            "linear",
            [source],
            (outputs,),
            parameters=weights + outputs,
            multiply_adds=weights,
            inputs=inputs,
            outputs=outputs,
        )

    def convolution(
        self,
        source: int,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        *,
        groups: int = 1,
        label: str | None = None,
    ) -> int:
        """Add a convolution of square images, and return its number.

        The side of the image is divided by the stride. The convolution reads the first ``inputs``
        channels, has no bias, and is one node with its batch norm of two parameters per channel.
        ``groups`` is 1, or ``inputs`` for a depthwise convolution; ``label`` replaces the name.
        """
        size = -(-self.operations[source].shape[-1] // stride)
        weights = kernel**2 * (inputs // groups) * outputs
        return self.add(
            label or ("conv2d" if groups == 1 else "depthwise_conv2d"),
            [source],
            (outputs, size, size),
            parameters=weights + 2 * outputs,
            multiply_adds=weights * size**2,
            inputs=inputs,
            outputs=outputs,
            kernel=kernel,
            stride=stride,
            groups=groups,
        )

    def enter(self, name: str, *, fixed: bool = False) -> None:
        """Begin a block: all operations that are added before ``leave`` belong together."""
        self._opened += 1
        self._open.append(Block(name, self._opened, fixed))

    def leave(self) -> None:
        """End the block that was entered last."""
        self._open.pop()

    @contextmanager
    def block(self, name: str, *, fixed: bool = False) -> Iterator[None]:
        """Put the operations that are added meanwhile into one block, drawn in a frame.

        Blocks change neither the graph nor the costs. A block that is ``fixed`` is the same in all
        networks of the space, but for its width, and is drawn as one row.
        """
        self.enter(name, fixed=fixed)
        try:
            yield
        finally:
            self.leave()

    def graph(self, output: int) -> ArchitectureGraph:
        """Return the graph of all operations between the input and the operation ``output``."""
        return self._whole_graph(output).pruned()

    def outline(self, output: int) -> Outline:
        """Return that graph with sizes, shapes and blocks of its nodes."""
        whole = self._whole_graph(output)
        live = whole.live()
        kept = [node for i, node in enumerate(self.operations) if i in live or node.label == INPUT]
        end = Operation(OUTPUT, (), self.operations[output].shape, {})
        return Outline(
            whole.pruned(),
            tuple({name: n for name, n in node.sizes.items() if n} for node in (*kept, end)),
            tuple(node.shape for node in (*kept, end)),
            tuple(node.blocks for node in (*kept, end)),
        )

    def _whole_graph(self, output: int) -> ArchitectureGraph:
        """Return the graph of all operations, also of those that lead to no output."""
        end = len(self.operations)
        edges = [(s, t) for t, node in enumerate(self.operations) for s in node.sources]
        return ArchitectureGraph(
            [*(node.label for node in self.operations), OUTPUT],
            [*edges, (output, end)],
            [*map(_row, self.operations), (0.0,) * len(FEATURES)],
        )

    @property
    def costs(self) -> dict[str, float]:
        """``parameters`` and ``multiply_adds`` (of one example) of all operations together."""
        return {name: float(self.total(name)) for name in ("parameters", "multiply_adds")}

    @property
    def memory(self) -> float:
        """Bytes of all parameters and of all outputs of one example, in float32."""
        return _BYTES * (self.total("parameters") + self.total("elements"))

    @property
    def sizes(self) -> Sizes:
        """The costs and the memory."""
        return {**self.costs, "memory": self.memory}

    def total(self, feature: str) -> int:
        """Return the sum of one of ``FEATURES`` over all operations."""
        return sum(node.sizes.get(feature, 0) for node in self.operations)

    def _put(
        self, label: str, sources: tuple[int, ...], shape: Shape, sizes: Mapping[str, int]
    ) -> int:
        """Append a checked operation, and return its number."""
        number = len(self.operations)
        if sources and not 0 <= min(sources) <= max(sources) < number:
            raise InvalidGraph(f"{label!r} reads {sources}, but only 0 to {number - 1} exist yet")
        if min(sizes.values()) < 0:
            raise InvalidGraph(f"the sizes of {label!r} must not be negative, got {sizes}")
        self.operations.append(Operation(label, sources, shape, sizes, tuple(self._open)))
        return number


def sizes_of(graph: ArchitectureGraph) -> tuple[Mapping[str, int], ...] | None:
    """Return the sizes that the features of a sketch's graph stand for; None for other features."""
    if graph.features is None or len(graph.features[0]) != len(FEATURES):
        return None
    found = []
    for row in graph.features:
        numbers = [round(math.expm1(x)) if 0 <= x < _LARGEST else -1 for x in row]
        if any(
            n < 0 or not math.isclose(math.log1p(n), x) for n, x in zip(numbers, row, strict=True)
        ):
            return None
        found.append({name: n for name, n in zip(FEATURES, numbers, strict=True) if n})
    return tuple(found)


def _row(node: Operation) -> tuple[float, ...]:
    """Return the features of a node, in the order of ``FEATURES``."""
    return tuple(math.log1p(node.sizes.get(name, 0)) for name in FEATURES)
