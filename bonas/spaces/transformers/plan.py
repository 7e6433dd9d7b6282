"""The plan of a transformer: its layers with their sizes, from which it is sketched or built.

    x = embedding(input);  for each layer:  x = x + attention(norm(x));  x = x + mlp(norm(x))
    output = head(norm(x)), of the mean over all tokens, or for a language model of each token

    attention   one linear map to the h queries and the g keys and g values of d numbers per
                token, h / g queries to a key; softmax(q k' / sqrt(d)) v; a linear map back
    mlp         linear, activation, linear; ``swiglu`` multiplies two halves of twice the numbers
    mixture     the sum over a token's top-k experts, each weighted by the router's share

Linear maps inside a layer have no bias. Multiply-adds of attention are those of all pairs of
tokens, 2 T T h d, since the built network masks pairs but leaves none out.

Sources: Vaswani et al. (2017), "Attention is all you need", NeurIPS; Shazeer (2019), "Fast
transformer decoding: One write-head is all you need"; Ainslie et al. (2023), "GQA: Training
generalized multi-query transformer models from multi-head checkpoints", EMNLP.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bonas.spaces.sketch import Sketch
from bonas.spaces.transformers.embedding import InputEmbedding


@dataclass(frozen=True, slots=True)
class AttentionPlan:
    """``heads`` queries share ``kv_heads`` keys and values; ``window`` None is all tokens."""

    heads: int
    kv_heads: int
    head_dim: int
    window: int | None = None

    def span(self, length: int) -> int:
        """Return how many of ``length`` tokens a token attends to at most, looking back."""
        return length if self.window is None else min(length, self.window)

    def cached(self, length: int) -> int:
        """Return how many numbers of keys and values are cached for ``length`` tokens."""
        return 2 * self.kv_heads * self.head_dim * self.span(length)

    @property
    def projected(self) -> int:
        """The numbers of a token's queries, keys and values together."""
        return (self.heads + 2 * self.kv_heads) * self.head_dim


@dataclass(frozen=True, slots=True)
class MLPPlan:
    """``hidden`` units; of more than one expert a router chooses ``top_k`` for each token."""

    hidden: int
    activation: str
    experts: int = 1
    top_k: int = 1

    @property
    def widened(self) -> int:
        """The outputs of the first linear map."""
        return 2 * self.hidden if self.activation == "swiglu" else self.hidden


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """One layer: attention, then a perceptron or a mixture of them."""

    attention: AttentionPlan
    mlp: MLPPlan


@dataclass(frozen=True, slots=True)
class TransformerPlan:
    """A whole network; ``outputs`` are classes, or the vocabulary where it is ``causal``.

    ``tied`` is whether the head of a language model has the embedding's weights.
    """

    embedding: InputEmbedding
    width: int
    norm: str
    layers: tuple[LayerPlan, ...]
    outputs: int
    causal: bool
    tied: bool

    def cached(self, length: int) -> int:
        """Return how many numbers of keys and values all layers cache for ``length`` tokens."""
        return sum(layer.attention.cached(length) for layer in self.layers)

    def sketch(self) -> tuple[Sketch, int]:
        """Return the network as a sketch, and its output.

        Rotations, masks and the repetition of keys do not count as operations.
        """
        sketch = Sketch(self.embedding.input_shape)
        x = self.embedding.add_to(sketch, self.width)
        for layer in self.layers:
            with sketch.block("layer"):
                x = self._residual(sketch, x, self._attention(sketch, x, layer.attention))
                x = self._residual(sketch, x, self._mlp(sketch, x, layer.mlp))
        x = self._norm(sketch, x)
        if self.causal:
            kept = 0 if self.tied else self.width * self.outputs
            return sketch, self._linear(sketch, [x], self.width, self.outputs, parameters=kept)
        x = sketch.add("global_avg_pool", [x], (self.width,), outputs=self.width)
        return sketch, sketch.linear(x, self.width, self.outputs)

    def _attention(self, sketch: Sketch, source: int, plan: AttentionPlan) -> int:
        """Add norm, projections and attention, and return their output."""
        tokens, inner = self.embedding.tokens, plan.heads * plan.head_dim
        x = self._norm(sketch, source)
        x = self._linear(sketch, [x], self.width, plan.projected)
        x = sketch.add(
            "attention",
            [x],
            (tokens, inner),
            multiply_adds=2 * tokens * tokens * inner,
            inputs=plan.projected,
            outputs=inner,
            kernel=plan.span(tokens),
            groups=plan.kv_heads,
            heads=plan.heads,
        )
        return self._linear(sketch, [x], inner, self.width)

    def _mlp(self, sketch: Sketch, source: int, plan: MLPPlan) -> int:
        """Add norm and perceptron or mixture, and return their output."""
        x = self._norm(sketch, source)
        if plan.experts == 1:
            return self._perceptron(sketch, [x], plan)
        shares = self._linear(sketch, [x], self.width, plan.experts)
        shares = sketch.add(
            "softmax",
            [shares],
            (self.embedding.tokens, plan.top_k),
            inputs=plan.experts,
            outputs=plan.top_k,
        )
        x = self._perceptron(sketch, [x, shares], plan)
        return sketch.add(
            "mul", [x, shares], (self.embedding.tokens, self.width), outputs=self.width
        )

    def _perceptron(self, sketch: Sketch, sources: Sequence[int], plan: MLPPlan) -> int:
        """Add all experts of a layer, of which each token goes to ``top_k``."""
        x = self._linear(
            sketch, sources, self.width, plan.widened, experts=plan.experts, top_k=plan.top_k
        )
        shape = (plan.top_k * self.embedding.tokens, plan.hidden)
        x = sketch.add(plan.activation, [x], shape, inputs=plan.widened, outputs=plan.hidden)
        return self._linear(
            sketch, [x], plan.hidden, self.width, experts=plan.experts, top_k=plan.top_k
        )

    def _linear(
        self,
        sketch: Sketch,
        sources: Sequence[int],
        inputs: int,
        outputs: int,
        *,
        experts: int = 1,
        top_k: int = 1,
        parameters: int | None = None,
    ) -> int:
        """Add a linear map of each token, without a bias."""
        rows, weights = top_k * self.embedding.tokens, inputs * outputs
        return sketch.add(
            "linear",
            sources,
            (rows, outputs),
            parameters=experts * weights if parameters is None else parameters,
            multiply_adds=rows * weights,
            inputs=inputs,
            outputs=outputs,
            groups=experts,
        )

    def _norm(self, sketch: Sketch, source: int) -> int:
        """Add a norm, and return its number."""
        n = self.width if self.norm == "rms_norm" else 2 * self.width
        shape = (self.embedding.tokens, self.width)
        return sketch.add(self.norm, [source], shape, parameters=n, outputs=self.width)

    def _residual(self, sketch: Sketch, before: int, x: int) -> int:
        """Add the sum of a block's input and output, and return its number."""
        shape = (self.embedding.tokens, self.width)
        return sketch.add("add", [before, x], shape, outputs=self.width)
