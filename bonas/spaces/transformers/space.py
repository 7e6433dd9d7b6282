"""Transformer spaces: depth, heads, perceptrons, and the size of the key-value cache.

What is searched follows Chen et al. (2021), "AutoFormer: Searching transformers for visual
recognition", ICCV, and So, Le and Liang (2019), "The evolved transformer", ICML; the kinds of
attention and the mixtures of experts are those of ``bonas.spaces.transformers.plan``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Literal

from bonas.arguments import check_count, check_positive
from bonas.errors import InvalidSpace, unknown
from bonas.spaces.architecture import Choice, Choices
from bonas.spaces.options import names, positive_numbers, whole_numbers
from bonas.spaces.planned import PlannedSpace
from bonas.spaces.transformers.embedding import InputEmbedding, Patches, Rows, Tokens
from bonas.spaces.transformers.network import ACTIVATIONS, NORMS, TransformerNetwork
from bonas.spaces.transformers.plan import AttentionPlan, LayerPlan, MLPPlan, TransformerPlan

ATTENTIONS = ("multi_head", "grouped_query", "multi_query", "sliding_window")
TASKS = ("classify", "language_model")

_WHOLE = ("depths", "widths", "heads", "head_dims", "kv_heads", "windows", "experts", "top_k")
_LAYER = ("attention", "kv_heads", "window", "experts", "top_k")


@dataclass(frozen=True)
class TransformerSpace(PlannedSpace):
    """Transformers that classify sequences or images, or that are language models of text.

    Parameters are ``depth``, ``width``, ``heads``, ``head_dim``, ``mlp_ratio``, ``norm``,
    ``activation``, ``attention``, ``kv_heads`` (of ``grouped_query`` only), ``window`` (of
    ``sliding_window`` only), ``experts`` and ``top_k`` (of more than one expert only); where there
    is one option only it is a constant, and no parameter.

    Inputs are token ids with ``vocabulary``, rows of real numbers with ``inputs``, else images.
    Positions are rotary, so a network takes sequences of any length; costs are for ``length``.

    Args:
        task: ``"classify"`` (the mean over all tokens, then a linear map) or ``"language_model"``
            (causal; logits of the next token at every place).
        vocabulary: The number of token ids.
        inputs: Numbers in a row of a sequence.
        length: Tokens or rows in a sequence, for counting costs; images have one token per patch.
        patch: Side of a patch in pixels.
        in_channels: Channels of an image; a grey image is taken as one with equal channels.
        image_size: Side of an image in pixels, for counting costs.
        classes: Outputs of a network that classifies.
        depths: Numbers of layers.
        widths: Numbers in the vector of a token.
        heads: Numbers of queries per token.
        head_dims: Numbers in a query or key, all even.
        mlp_ratios: Hidden units of a perceptron, as multiples of the width.
        norms: Out of ``layer_norm`` and ``rms_norm``.
        activations: Out of ``gelu``, ``relu`` and ``swiglu`` (half as many weights again).
        attentions: Out of ``multi_head``, ``grouped_query``, ``multi_query`` (one key and value)
            and ``sliding_window``.
        kv_heads: Numbers of keys and values per token; taken as ``heads`` where these are fewer.
        windows: Tokens that a token attends to with a sliding window, itself included: backwards,
            and as far ahead if the network classifies.
        experts: Numbers of perceptrons in a layer; 1 is dense.
        top_k: Numbers of experts that a token goes to.
        per_layer: Whether each layer chooses its attention and its experts; the parameters are then
            ``layer1_attention``, ``layer1_experts`` and so on, which apply up to the depth.
        tied: Whether a language model's last linear map has the weights of its embedding.

    Bounds: see ``SizedSpace``.

    Raises:
        InvalidArgument: for an unknown name, or a number out of its range.
        InvalidSpace: for settings that do not fit each other.

    >>> space = TransformerSpace(task="language_model", vocabulary=1000)
    >>> space.costs(space.completed({}))
    {'parameters': 97408.0, 'multiply_adds': 6717440.0, 'kv_cache': 16384.0}
    """

    _: KW_ONLY
    task: Literal["classify", "language_model"] = "classify"
    vocabulary: int | None = None
    inputs: int | None = None
    length: int = 64
    patch: int = 4
    in_channels: int = 3
    image_size: int = 32
    classes: int = 10
    depths: Sequence[int] = (2, 3, 4)
    widths: Sequence[int] = (64,)
    heads: Sequence[int] = (4, 8)
    head_dims: Sequence[int] = (8, 16)
    mlp_ratios: Sequence[float] = (1, 2, 4)
    norms: Sequence[str] = ("layer_norm", "rms_norm")
    activations: Sequence[str] = ("gelu", "relu", "swiglu")
    attentions: Sequence[str] = ATTENTIONS
    kv_heads: Sequence[int] = (2, 4)
    windows: Sequence[int] = (8, 16, 32)
    experts: Sequence[int] = (1, 4)
    top_k: Sequence[int] = (1, 2)
    per_layer: bool = False
    tied: bool = True

    network = TransformerNetwork

    def __post_init__(self) -> None:
        super().__post_init__()
        put = object.__setattr__
        for name in _WHOLE:
            put(self, name, whole_numbers(name, getattr(self, name)))
        put(self, "mlp_ratios", positive_numbers("mlp_ratios", self.mlp_ratios))
        put(self, "norms", names("norms", self.norms, NORMS))
        put(self, "activations", names("activations", self.activations, ACTIVATIONS))
        put(self, "attentions", names("attentions", self.attentions, ATTENTIONS))
        for name in ("length", "patch", "in_channels", "image_size", "classes"):
            check_count(name, getattr(self, name))
        _check_inputs(self)
        _check_heads(self)
        _check_experts(self)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one input: ``length``, ``length x inputs``, or that of an image."""
        return self._embedding.input_shape

    def applies(self, name: str, earlier: Choices) -> bool:
        """Return whether there is such a layer, with the attention or the experts it belongs to."""
        if name not in self._places:
            return True
        prefix, layer, kind = self._places[name]
        if layer > self.chosen(earlier, "depth"):
            return False
        if kind == "kv_heads":
            return bool(self.chosen(earlier, f"{prefix}attention") == "grouped_query")
        if kind == "window":
            return bool(self.chosen(earlier, f"{prefix}attention") == "sliding_window")
        return kind != "top_k" or self.chosen(earlier, f"{prefix}experts") > 1

    def plan(self, choices: Choices) -> TransformerPlan:
        """Return the description of the network."""
        causal = self.task == "language_model"
        return TransformerPlan(
            embedding=self._embedding,
            width=self.chosen(choices, "width"),
            norm=self.chosen(choices, "norm"),
            layers=tuple(
                self._layer(choices, i) for i in range(1, self.chosen(choices, "depth") + 1)
            ),
            outputs=self.vocabulary if causal and self.vocabulary else self.classes,
            causal=causal,
            tied=causal and self.tied,
        )

    def costs(self, choices: Choices) -> dict[str, float]:
        """Return also ``kv_cache`` of a language model: bytes at ``length``, two per number."""
        costs = super().costs(choices)
        if self.task == "language_model":
            costs["kv_cache"] = self.kv_cache_bytes(choices)
        return costs

    def kv_cache_bytes(
        self, choices: Choices, *, length: int | None = None, bytes_per_number: float = 2
    ) -> float:
        """Return the bytes of keys and values that a language model caches for one sequence.

        They are 2 x keys x head dimension x the cached tokens, summed over the layers; with a
        sliding window these are at most the tokens of the window.

        Args:
            choices: Of this space.
            length: Tokens in the sequence; None takes the space's.
            bytes_per_number: 2 for half precision; a half for four bits.

        Raises:
            InvalidSpace: if the networks are not language models, which cache nothing.
            InvalidArgument: for a length or size that is not positive.
        """
        if self.task != "language_model":
            raise InvalidSpace(
                "a key-value cache belongs to a language model, but this space has task="
                f'{self.task!r}; make it with task="language_model"'
            )
        if length is not None:
            check_count("length", length)
        check_positive("bytes_per_number", bytes_per_number)
        return float(bytes_per_number * self.plan(choices).cached(length or self.length))

    @cached_property
    def options(self) -> Mapping[str, Sequence[Choice]]:
        """The options of the network as a whole, then layer by layer."""
        return {
            "depth": self.depths,
            "width": self.widths,
            "heads": self.heads,
            "head_dim": self.head_dims,
            "mlp_ratio": self.mlp_ratios,
            "norm": self.norms,
            "activation": self.activations,
            **{name: self._of_a_layer[kind] for name, (_, _, kind) in self._places.items()},
        }

    @cached_property
    def _of_a_layer(self) -> dict[str, Sequence[Choice]]:
        """A kind of choice of a layer -> its options, without those that never apply."""
        options: dict[str, Sequence[Choice]] = {
            "attention": self.attentions,
            "experts": self.experts,
        }
        if "grouped_query" in self.attentions:
            options["kv_heads"] = self.kv_heads
        if "sliding_window" in self.attentions:
            options["window"] = self.windows
        if max(self.experts) > 1:
            options["top_k"] = self.top_k
        return options

    @cached_property
    def _places(self) -> dict[str, tuple[str, int, str]]:
        """A parameter of a layer -> the prefix of its name, the first such layer, its kind."""
        layers = range(1, max(self.depths) + 1) if self.per_layer else (1,)
        return {
            f"{prefix}{kind}": (prefix, layer, kind)
            for layer in layers
            for prefix in (self._prefix(layer),)
            for kind in _LAYER
            if kind in self._of_a_layer
        }

    def _prefix(self, layer: int) -> str:
        """Return the prefix of the parameters of a layer."""
        return f"layer{layer}_" if self.per_layer else ""

    @cached_property
    def _embedding(self) -> InputEmbedding:
        """The input embedding: of tokens, rows or patches."""
        if self.vocabulary is not None:
            return Tokens(self.vocabulary, self.length)
        if self.inputs is not None:
            return Rows(self.inputs, self.length)
        return Patches(self.patch, self.in_channels, self.image_size)

    def _layer(self, choices: Choices, layer: int) -> LayerPlan:
        """Return the plan of a layer."""
        prefix = self._prefix(layer)
        return LayerPlan(self._attention(choices, prefix), self._mlp(choices, prefix))

    def _attention(self, choices: Choices, prefix: str) -> AttentionPlan:
        """Return the plan of the attention whose parameters have the prefix."""
        heads, window = self.chosen(choices, "heads"), None
        kv_heads = heads
        kind = self.chosen(choices, f"{prefix}attention")
        if kind == "grouped_query":
            kv_heads = min(self.chosen(choices, f"{prefix}kv_heads"), heads)
        elif kind == "multi_query":
            kv_heads = 1
        elif kind == "sliding_window":
            window = self.chosen(choices, f"{prefix}window")
        return AttentionPlan(heads, kv_heads, self.chosen(choices, "head_dim"), window)

    def _mlp(self, choices: Choices, prefix: str) -> MLPPlan:
        """Return the plan of the perceptrons whose parameters have the prefix."""
        units = self.chosen(choices, "mlp_ratio") * self.chosen(choices, "width")
        activation = self.chosen(choices, "activation")
        experts = self.chosen(choices, f"{prefix}experts")
        top_k = self.chosen(choices, f"{prefix}top_k") if experts > 1 else 1
        return MLPPlan(max(1, round(units)), activation, experts, top_k)


def _check_inputs(space: TransformerSpace) -> None:
    """Refuse a task without its input."""
    if space.task not in TASKS:
        raise unknown("task", space.task, TASKS)
    for name in ("vocabulary", "inputs"):
        if getattr(space, name) is not None:
            check_count(name, getattr(space, name))
    if space.vocabulary is not None and space.inputs is not None:
        raise InvalidSpace("inputs are tokens or rows of numbers; give vocabulary or inputs")
    if space.task == "language_model" and space.vocabulary is None:
        raise InvalidSpace("a language model reads and writes tokens; give vocabulary")
    if isinstance(space._embedding, Patches) and space.image_size % space.patch:
        raise InvalidSpace(
            f"image_size must be a multiple of patch, got {space.image_size} and {space.patch}"
        )


def _check_heads(space: TransformerSpace) -> None:
    """Refuse odd head dimensions, and groups of unequal size."""
    odd = [size for size in space.head_dims if size % 2]
    if odd:
        raise InvalidSpace(f"head_dims must be even, since pairs of numbers are turned; got {odd}")
    if "grouped_query" not in space.attentions:
        return
    for heads in space.heads:
        for kv_heads in space.kv_heads:
            if heads % min(heads, kv_heads):
                raise InvalidSpace(
                    f"kv_heads must divide heads, but {kv_heads} does not divide {heads}; "
                    "choose powers of two for both"
                )


def _check_experts(space: TransformerSpace) -> None:
    """Refuse more experts per token than there are."""
    several = [n for n in space.experts if n > 1]
    if several and max(space.top_k) > min(several):
        raise InvalidSpace(
            f"top_k must be at most the number of experts, got {max(space.top_k)} of "
            f"{min(several)} experts; leave out the larger top_k or the fewer experts"
        )
