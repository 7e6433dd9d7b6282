"""Networks of inverted residual blocks, and the compound scaling of one that was found."""

from bonas.spaces.mobile.scaling import ScaledNetwork, scale
from bonas.spaces.mobile.space import MobileSpace, Stage

__all__ = ["MobileSpace", "ScaledNetwork", "Stage", "scale"]
