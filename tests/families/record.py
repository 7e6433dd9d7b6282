"""The record of a family of a third-party library."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from torch import nn

from bonas.evaluation import ShortTraining

Example = Any  # as the input of bonas.space

LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "transformers_language": ("transformers",),
    "transformers_other": ("transformers",),
    "timm_models": ("timm", "torchvision"),
    "diffusers_models": ("diffusers",),
    "monai_models": ("monai",),
    "graph_networks": ("torch_geometric",),
    "lucidrains": ("x_transformers", "vit_pytorch"),
    "lucidrains_attention": ("performer_pytorch", "linformer", "perceiver_pytorch"),
    "adapters": ("peft", "transformers"),
    "lightning_modules": ("lightning",),
    "segmentation": ("segmentation_models_pytorch", "torchvision"),
    "tabular": ("rtdl_revisiting_models", "tabm", "pytorch_tabnet"),
    "sequences": ("mambapy", "xlstm", "pytorch_tcn", "ncps", "conformer"),
    "scientific": ("neuralop", "torchdiffeq", "e3nn", "kan", "siren_pytorch", "egnn_pytorch"),
    "policies": ("stable_baselines3",),
    "vision_others": ("efficientnet_pytorch", "open_clip", "snntorch", "torchvision"),
}
"""A module of ``families.libraries`` -> the packages that it imports."""


@dataclass(frozen=True)
class ThirdParty:
    """One family: its builder, an example of its input, and how to train it.

    Attributes:
        name: Its name in the table.
        library: The package on PyPI.
        build: The builder, a function of ``choose``.
        example: As ``bonas.space`` takes it.
        training: A training of one epoch on a few rows.
        counted: Floating point operations of one forward pass of the example, by hand, where
            torch's counter does not see them; None takes the counter.
        known: A column -> why it does not hold, for documented limits.
    """

    name: str
    library: str
    build: Callable[[Any], nn.Module]
    example: Example
    _: KW_ONLY
    training: ShortTraining
    counted: Callable[[nn.Module], float] | None = None
    known: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.build.__name__


def third_party(
    name: str, library: str, example: Example, **settings: Any
) -> Callable[[Callable[[Any], nn.Module]], ThirdParty]:
    """Return a decorator that makes a record of a builder."""
    return lambda build: ThirdParty(name, library, build, example, **settings)


def missing(module: str) -> list[str]:
    """Return the packages that a module of ``families.libraries`` imports and are not installed."""
    return [library for library in LIBRARIES[module] if find_spec(library) is None]


def records(module: str) -> list[ThirdParty]:
    """Return the families of a module of ``families.libraries``, in their order there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of a library at import
        found = vars(import_module(f"families.libraries.{module}")).values()
    return [each for each in found if isinstance(each, ThirdParty)]
