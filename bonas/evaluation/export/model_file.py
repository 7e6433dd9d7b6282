"""``model.py``: the source of an exported network, which loads and checks itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bonas.evaluation.export.builder import Builder
from bonas.evaluation.export.source import NetworkSource
from bonas.evaluation.export.source.expressions import arguments_text
from bonas.evaluation.export.source.layout import wrapped
from bonas.spaces import Example


@dataclass(frozen=True, slots=True)
class ModelFile:
    """What ``model.py`` says.

    Attributes:
        title: A name for people.
        example: A call of the network.
        made: The network's own source, or where it is built.
        tolerance: Largest difference between the outputs and those of the original, as a share of
            the outputs' range, above which ``python model.py`` fails.
    """

    title: str
    example: Example
    made: NetworkSource | Builder
    tolerance: float

    def text(self) -> str:
        """Return the source."""
        if isinstance(self.made, NetworkSource):
            needs, imports = "torch and safetensors", ["import torch.nn.functional as F"]
            classes, construction = f"\n\n\n{self.made.classes}", f"{self.made.name}()"
        else:
            needs = f"torch, safetensors and the module {self.made.module}"
            imports, classes = [], ""
            construction = self.made.expression
        choices = [] if isinstance(self.made, NetworkSource) else [_READ_CHOICES]
        call = "\n".join(wrapped(f"returned = network({self._call()})", 8))
        uses = f"{classes}{construction}{call}"
        return _TEXT.format(
            title=_one_line(self.title).replace('"""', "'''").replace("\\", "/"),
            usage=usage(self.example).replace("\n", "\n    ").replace("    \n", "\n"),
            needs=needs,
            imports="\n".join(["import torch", *[i for i in imports if "F." in uses]]),
            standard="\n".join(_standard_imports(uses, bool(choices))),
            classes=classes,
            build="\n".join([*choices, f"    network = {construction}"]),
            run=call,
            tolerance=self.tolerance,
            nn="from torch import nn" if classes else "from torch import nn  # what load returns",
        )

    def _call(self) -> str:
        names = {id(t): name for t, name in zip(self.example.tensors, self.keys, strict=True)}

        def named(value: object) -> str | None:
            return f'example["{names[id(value)]}"]' if isinstance(value, Tensor) else None

        return arguments_text(self.example.args, self.example.named, named)

    @property
    def keys(self) -> list[str]:
        """The name of each tensor of the example in ``example.safetensors``."""
        return [f"input.{name}" for name in self.example.names]


def usage(example: Example) -> str:
    """Return source that loads the network and calls it on zeros."""

    def zeros(value: object) -> str | None:
        if not isinstance(value, Tensor):
            return None
        plain = value.dtype is torch.float32
        return f"torch.zeros({tuple(value.shape)}{'' if plain else f', dtype={value.dtype}'})"

    call = arguments_text(example.args, example.named, zeros)
    lines = ["import torch", "from model import load", "", "network = load()"]
    return "\n".join([*lines, *wrapped(f"outputs = network({call})")])


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _standard_imports(text: str, choices: bool) -> Sequence[str]:
    lines = ["import json"] if choices else []
    lines += ["import math"] if "math." in text else []
    lines += ["from collections import OrderedDict"] if "OrderedDict(" in text else []
    lines += ["from importlib import import_module"] if "import_module(" in text else []
    return [*lines, "from pathlib import Path"]


_READ_CHOICES = '    choices = json.loads((FOLDER / "choices.json").read_text(encoding="utf-8"))'

_TEXT = '''"""{title}

    {usage}

The network is in evaluation mode. It needs {needs}. `python model.py` runs it on
example.safetensors and compares the outputs with those of the original.
"""

{standard}

{imports}
from safetensors.torch import load_file, load_model
{nn}

FOLDER = Path(__file__).parent{classes}


def load(weights=FOLDER / "weights.safetensors") -> nn.Module:
    """Build the network and load its weights."""
{build}
    load_model(network, weights)
    return network.eval()


def tensors(returned):
    """Return the tensors in what the network returns, in order."""
    if isinstance(returned, torch.Tensor):
        return [returned]
    if isinstance(returned, dict):
        returned = list(returned.values())
    elif not isinstance(returned, (tuple, list)):
        returned = list(getattr(returned, "__dict__", {{}}).values())
    return [tensor for part in returned for tensor in tensors(part)]


def check():
    """Return the largest difference to the original, as a share of the outputs' range."""
    network, example = load(), load_file(FOLDER / "example.safetensors")
    torch.manual_seed(0)
    with torch.no_grad():
{run}
    differences = [0.0]
    for i, found in enumerate(tensors(returned)):
        found, wanted = found.double(), example[f"output.{{i}}"].double()
        if not wanted.numel():
            continue
        off = torch.where(found == wanted, 0.0, (found - wanted).abs())
        span = (wanted.max() - wanted.min()).item() or wanted.abs().max().item() or 1.0
        differences.append(off.max().item() / span)
    return torch.tensor(differences).max().item()


if __name__ == "__main__":
    difference = check()
    print(f"largest difference to the original: {{difference:.1e}} of the outputs' range")
    raise SystemExit(not difference <= {tolerance:g})
'''

TOLERANCES = {torch.float16: 1e-2, torch.bfloat16: 5e-2}
"""Largest difference of the source to the original in half precision; else 1e-5."""
