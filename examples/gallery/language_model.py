"""A small language model: bits per byte against the time per token and the key-value cache.

    python examples/gallery/language_model.py    # nine minutes on a core

Transformers learn from Python's own documentation, which comes with every Python, byte by byte.
Heads, their keys and values, windows and experts are chosen layer by layer. A token is timed as it
is in use: one step of a decoder whose cache is full. At the end the best network is trained for
longer, scored on text that nothing has read, compared with a compression program, and writes a few
words.
"""

import argparse
import lzma
import math
import time
from pathlib import Path
from pydoc_data.topics import topics

import torch
from torch import nn
from torch.nn.functional import cross_entropy

import bonas
from bonas.evaluation import Candidate, KVCache, Latency, ShortTraining
from bonas.spaces import TransformerSpace

CONTEXT = 2_048  # tokens in the cache of a decoder
SETTINGS = {
    "task": "language_model",
    "vocabulary": 256,
    "length": 128,
    "depths": (1, 2, 3),
    "widths": (48, 64, 96),
    "heads": (4, 8),
    "head_dims": (8, 16),
    "mlp_ratios": (1, 2, 4),
    "kv_heads": (1, 2, 4),
    "windows": (16, 64, 128),
    "experts": (1, 4),
    "attentions": ("multi_head", "grouped_query", "sliding_window"),
    "per_layer": True,
}


class Decoder(nn.Module):
    """A language model that reads one token after the other and keeps keys and values.

    A layer with a sliding window keeps those of the window only, the latest in place of the oldest.
    ``forward`` reads the token at ``position``; adding one to it is left to the caller.
    """

    def __init__(self, network, context):
        super().__init__()
        self.network, self.context, self.position = network.eval(), context, context - 1
        self.plans = [layer.attention.plan for layer in network.layers]
        sizes = [(p.kv_heads, min(p.window or context, context), p.head_dim) for p in self.plans]
        half = torch.arange(0, sizes[0][2], 2) / sizes[0][2]
        angles = torch.outer(torch.arange(context), 10_000.0**-half)
        self.cos, self.sin = angles.cos(), angles.sin()  # rotary positions
        self.keys = [torch.zeros(size) for size in sizes]
        self.values = [torch.zeros(size) for size in sizes]

    def forward(self, token):
        """Return the logits of the next token, ``1 x 1 x 256``, of one token ``1 x 1``."""
        x = self.network.embedding(token)
        for i, layer in enumerate(self.network.layers):
            x = x + layer.attention.out(self.seen(i, layer, layer.before_attention(x)))
            x = x + layer.mlp(layer.before_mlp(x))
        return self.network.head(self.network.norm(x))

    def seen(self, i, layer, x):
        """Return what the heads of a layer see, ``1 x 1 x (heads * head_dim)``."""
        plan, keys, values = self.plans[i], self.keys[i], self.values[i]
        rows = layer.attention.project(x).view(-1, plan.head_dim)
        q, k, v = rows.split([plan.heads, plan.kv_heads, plan.kv_heads])
        place, filled = self.position % keys.shape[1], min(self.position + 1, keys.shape[1])
        keys[:, place], values[:, place] = self.turned(k), v
        q = self.turned(q).view(plan.kv_heads, -1, plan.head_dim)  # a group of heads shares a key
        scores = q @ keys[:, :filled].transpose(1, 2) / plan.head_dim**0.5
        return (scores.softmax(dim=-1) @ values[:, :filled]).view(1, 1, -1)

    def turned(self, rows):
        """Rotate ``n x head_dim`` by the angles of the position."""
        cos, sin = self.cos[self.position], self.sin[self.position]
        first, second = rows.chunk(2, dim=1)
        return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=1)


class Decoders(TransformerSpace):
    """The same networks as decoders with a full cache."""

    def build(self, choices):
        """Return a decoder at its last position."""
        return Decoder(super().build(choices), CONTEXT)


class DecodingLatency:
    """An evaluator: the milliseconds per token of a decoder with a full cache."""

    step = Latency((1,), name="decoding")
    objectives, cost = step.objectives, step.cost

    def __call__(self, candidate):
        """Return ``decoding``."""
        decoder = Candidate.without_trial(Decoders(**SETTINGS), candidate.choices)
        return self.step(decoder)


def bits_per_byte(outputs, targets):
    """Return the mean of -log2 p(next byte)."""
    return cross_entropy(outputs.flatten(0, 1), targets.flatten()).item() / math.log(2)


def text_of(size):
    """Return the first bytes of Python's documentation, topic after topic."""
    text = "\n".join(f"{name}\n{topic}" for name, topic in sorted(topics.items()))
    return text.encode()[:size]


def windows(text):
    """Return windows of 128 bytes and the bytes that follow each, both ``n x 128``."""
    ids = torch.frombuffer(bytearray(text), dtype=torch.uint8).long()
    n, length = (len(ids) - 1) // SETTINGS["length"], SETTINGS["length"]
    return ids[: n * length].view(n, length), ids[1 : n * length + 1].view(n, length)


@torch.no_grad()
def continued(network, beginning, n, seed):
    """Return a text with ``n`` more bytes, drawn with a temperature of 0.7."""
    decoder, ids = Decoder(network, len(beginning) + n), list(beginning)
    draws = torch.Generator().manual_seed(seed)
    for decoder.position in range(len(beginning) + n - 1):
        logits = decoder(torch.tensor([[ids[decoder.position]]]))[0, 0]
        if decoder.position == len(ids) - 1:
            chances = (logits / 0.7).softmax(dim=-1)
            ids.append(int(torch.multinomial(chances, 1, generator=draws)))
    return bytes(ids).decode(errors="replace")


def main():
    """Search, train the best for longer, compare it and let it write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bytes", type=int, default=400_000)
    parser.add_argument("--budget", type=int, default=25, help="networks of the search")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--longer", type=int, default=6, help="epochs of the last training")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("language-model"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    began = time.process_time()
    text = text_of(options.bytes)
    end = len(text) * 9 // 10  # the last tenth is for the end
    training = ShortTraining(
        windows(text[:end]),
        metric=bits_per_byte,
        direction="minimize",
        epochs=options.epochs,
        batch_size=16,
        validation=0.1,
        test=0.0,
        seed=options.seed,
    )
    result = bonas.optimize(
        TransformerSpace(**SETTINGS),
        options.budget,
        evaluate=[training, DecodingLatency(), KVCache(CONTEXT)],
        storage=options.out / "search.log",
        study_name="documentation",
        seed=options.seed,
    )
    print(result)
    print(f"{time.process_time() - began:.0f} CPU seconds")
    figure = result.plot()  # three panels; the last two show the cache on their horizontal axes
    for panel in figure.axes[1:3]:
        panel.set_xscale("log")
    figure.set_size_inches(11, 3.8)
    figure.savefig(options.out / "front.png", dpi=70)
    result.report(options.out / "report.html")
    result.best().draw(options.out / "network.svg")

    final = bonas.finalize(
        result,
        top_k=1,
        epochs=options.longer,
        seeds=1,
        test=windows(text[end:]),
        folder=options.out / "weights",
    )
    print(final)
    packed = [len(lzma.compress(part, preset=9)) for part in (text, text[:end])]
    print(f"xz: {8 * (packed[0] - packed[1]) / len(text[end:]):.2f} bits per byte of that text")
    print(continued(final.network(), b"The statement ", 200, options.seed))
    print(f"{time.process_time() - began:.0f} CPU seconds")


if __name__ == "__main__":
    main()
