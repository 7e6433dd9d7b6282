"""Networks of inverted residual blocks, and the compound scaling of one that was found."""

from bonas.spaces.mobile.mobile import MobileSpace, Stage
from bonas.spaces.mobile.scaling import ScaledNetwork, scale

__all__ = ["MobileSpace", "ScaledNetwork", "Stage", "scale"]
