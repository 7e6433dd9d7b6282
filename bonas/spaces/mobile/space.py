"""Mobile spaces: stages of inverted residual blocks, as in MobileNetV3 and Once-for-All.

Searched are the depth, width and squeeze-excite of each stage, the kernel and the expansion of each
block, and optionally the resolution of the images and a factor of all widths.

Sources: Howard et al. (2019), "Searching for MobileNetV3", ICCV; Cai, Zhu and Han (2019),
"ProxylessNAS: Direct neural architecture search on target task and hardware", ICLR; Cai et al.
(2020), "Once-for-all: Train one network and specialize it for efficient deployment", ICLR.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any, Literal

from bonas.arguments import check_count
from bonas.errors import InvalidArgument, InvalidSpace, unknown
from bonas.spaces.architecture import Choice, Choices
from bonas.spaces.mobile.network import ACTIVATIONS, MobileNetwork
from bonas.spaces.mobile.plan import MobilePlan, StagePlan, rounded_channels
from bonas.spaces.options import flags, positive_numbers, whole_numbers
from bonas.spaces.planned import PlannedSpace

_LARGEST_KEPT = 32  # images up to this side are not halved by the stem


@dataclass(frozen=True)
class Stage:
    """The options of a stage of a mobile space.

    Args:
        widths: Channels of its output, before the multiplier and the rounding to multiples of 8.
        stride: Of its first block; 2 halves the image.
        depths: Numbers of blocks.

    Raises:
        InvalidArgument: unless all are whole numbers of at least 1.
    """

    widths: Sequence[int]
    stride: int = 1
    depths: Sequence[int] = (1, 2, 3)

    def __post_init__(self) -> None:
        for name in ("widths", "depths"):
            values = whole_numbers(f"the {name} of a stage", getattr(self, name))
            object.__setattr__(self, name, values)
        check_count("the stride of a stage", self.stride)


CIFAR_STAGES = (
    Stage((16, 24)),
    Stage((24, 32), stride=2),
    Stage((40, 64), stride=2),
    Stage((80, 96), stride=2),
)
IMAGENET_STAGES = (
    Stage((16,), depths=(1,)),
    Stage((24,), stride=2, depths=(2, 3, 4)),
    Stage((40,), stride=2, depths=(2, 3, 4)),
    Stage((80,), stride=2, depths=(2, 3, 4)),
    Stage((112,), depths=(2, 3, 4)),
    Stage((160,), stride=2, depths=(2, 3, 4)),
)
SMALL_STAGES = (
    Stage((16, 24), stride=2, depths=(1, 2)),
    Stage((24, 32, 48), stride=2, depths=(1, 2)),
)


@dataclass(frozen=True)
class MobileSpace(PlannedSpace):
    """All networks of inverted residual blocks in ``stages``; the defaults suit 32 x 32 images.

    Parameters are ``stage1_width``, ``stage1_squeeze_excite``, ``stage1_depth``,
    ``stage1_block1_kernel``, ``stage1_block1_expansion`` and so on, ``resolution`` and
    ``width_multiplier``. Where there is one option only it is a constant, and no parameter. The
    parameters of a block apply where its stage is deep enough.

    Args:
        stages: At least one ``Stage``.
        kernels: Odd sides of depthwise convolutions.
        expansions: Channels inside a block, as multiples of its inputs.
        squeeze_excite: Whether the blocks of a stage have a squeeze-excite.
        width_multipliers: Factors of all widths, stem and head included.
        resolutions: Sides that images are resized to inside the network (bilinear); empty, the
            network takes images as they come.
        stem: Width of the first convolution, of stride 2 for an ``image_size`` above 32.
        head: Width of the last convolution.
        activation: ``"hard_swish"`` or ``"relu"``.
        classes: Outputs of the network.
        in_channels: Channels of an image; a grey image is taken as one with equal channels.
        image_size: Side of an image in pixels, for counting costs.

    Bounds: see ``SizedSpace``.

    >>> space = MobileSpace(max_params=100_000)
    >>> space.costs(space.completed({}))
    {'parameters': 38778.0, 'multiply_adds': 4960896.0}
    """

    stages: Sequence[Stage] = CIFAR_STAGES
    _: KW_ONLY
    kernels: Sequence[int] = (3, 5, 7)
    expansions: Sequence[float] = (3, 4, 6)
    squeeze_excite: Sequence[bool] = (False, True)
    width_multipliers: Sequence[float] = (1.0,)
    resolutions: Sequence[int] = ()
    stem: int = 16
    head: int = 128
    activation: Literal["hard_swish", "relu"] = "hard_swish"
    classes: int = 10
    in_channels: int = 3
    image_size: int = 32

    network = MobileNetwork

    @classmethod
    def small(cls, *, classes: int = 10, in_channels: int = 1, image_size: int = 8) -> MobileSpace:
        """Return a space for tiny images; the default training takes two seconds on digits.

        Change settings by ``dataclasses.replace(MobileSpace.small(), max_params=10_000)``.
        """
        return cls(
            SMALL_STAGES,
            kernels=(3, 5),
            expansions=(2, 4),
            stem=16,
            head=64,
            classes=classes,
            in_channels=in_channels,
            image_size=image_size,
        )

    @classmethod
    def imagenet(cls, *, classes: int = 1000, image_size: int = 224) -> MobileSpace:
        """Return a space for photographs: MobileNetV3's widths and Once-for-All's choices."""
        return cls(
            IMAGENET_STAGES,
            width_multipliers=(0.75, 1.0, 1.25),
            resolutions=(128, 160, 192, 224),
            head=960,
            classes=classes,
            image_size=image_size,
        )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("stem", "head", "classes", "in_channels", "image_size"):
            check_count(name, getattr(self, name))
        put = object.__setattr__
        put(self, "stages", _checked_stages(self.stages))
        put(self, "kernels", whole_numbers("kernels", self.kernels))
        put(self, "expansions", positive_numbers("expansions", self.expansions))
        put(self, "squeeze_excite", flags("squeeze_excite", self.squeeze_excite))
        multipliers = positive_numbers("width_multipliers", self.width_multipliers)
        put(self, "width_multipliers", multipliers)
        put(self, "resolutions", whole_numbers("resolutions", self.resolutions, empty=True))
        even = [kernel for kernel in self.kernels if kernel % 2 == 0]
        if even:
            raise InvalidSpace(f"kernels must be odd, so that they have a middle; got {even}")
        if self.activation not in ACTIVATIONS:
            raise unknown("activation", self.activation, ACTIVATIONS)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The shape of one image: channels x height x width."""
        return (self.in_channels, self.image_size, self.image_size)

    def applies(self, name: str, earlier: Choices) -> bool:
        """Return whether the stage of a block is deep enough to have it."""
        stage, block = self._places.get(name, (1, 1))
        return block == 1 or block <= self.chosen(earlier, f"stage{stage}_depth")

    def plan(self, choices: Choices) -> MobilePlan:
        """Return the description of the network, with its widths rounded."""
        factor = self.chosen(choices, "width_multiplier")
        return MobilePlan(
            stages=tuple(self._stage(choices, i, factor) for i in range(1, len(self.stages) + 1)),
            stem=rounded_channels(self.stem * factor),
            stem_stride=1 if self.image_size <= _LARGEST_KEPT else 2,
            head=rounded_channels(self.head * factor),
            classes=self.classes,
            in_channels=self.in_channels,
            activation=self.activation,
            image_size=self.image_size,
            resolution=self.chosen(choices, "resolution") if self.resolutions else None,
        )

    def describe(self) -> dict[str, Any]:
        """Return the settings, and the stages as lists."""
        stages = [(stage.widths, stage.stride, stage.depths) for stage in self.stages]
        return {**super().describe(), "stages": stages}

    @cached_property
    def options(self) -> Mapping[str, Sequence[Choice]]:
        """The options of the network as a whole, then stage by stage and block by block."""
        options: dict[str, Sequence[Choice]] = {
            "resolution": self.resolutions,
            "width_multiplier": self.width_multipliers,
        }
        for i, stage in enumerate(self.stages, start=1):
            options[f"stage{i}_width"] = stage.widths
            options[f"stage{i}_squeeze_excite"] = self.squeeze_excite
            options[f"stage{i}_depth"] = stage.depths
            for j in range(1, max(stage.depths) + 1):
                options[f"stage{i}_block{j}_kernel"] = self.kernels
                options[f"stage{i}_block{j}_expansion"] = self.expansions
        return options

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        """The name of a block's parameter -> the numbers of stage and block."""
        return {
            f"stage{i}_block{j}_{kind}": (i, j)
            for i, stage in enumerate(self.stages, start=1)
            for j in range(1, max(stage.depths) + 1)
            for kind in ("kernel", "expansion")
        }

    def _stage(self, choices: Choices, i: int, factor: float) -> StagePlan:
        """Return the plan of stage ``i``, its width multiplied by ``factor``."""
        blocks = [
            f"stage{i}_block{j}" for j in range(1, self.chosen(choices, f"stage{i}_depth") + 1)
        ]
        return StagePlan(
            width=rounded_channels(self.chosen(choices, f"stage{i}_width") * factor),
            stride=self.stages[i - 1].stride,
            squeeze_excite=self.chosen(choices, f"stage{i}_squeeze_excite"),
            blocks=tuple(
                (
                    self.chosen(choices, f"{block}_kernel"),
                    self.chosen(choices, f"{block}_expansion"),
                )
                for block in blocks
            ),
        )


def _checked_stages(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Return the stages as a tuple, or refuse them."""
    right = isinstance(stages, Sequence) and all(isinstance(stage, Stage) for stage in stages)
    if not (right and stages):
        raise InvalidArgument(
            f"stages must be a list of at least one bonas.spaces.Stage, got {stages!r}; "
            "as in MobileSpace([Stage((16, 24)), Stage((32, 48), stride=2)])"
        )
    return tuple(stages)
