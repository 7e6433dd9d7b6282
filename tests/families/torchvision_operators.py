"""Two operators that torchvision's wheel needs at import with a CPU build of torch.

The wheel is built for CUDA; without that its compiled operators (non-maximum suppression) do not
load, and ``import torchvision`` raises. No network here uses them.
"""

import torch

try:
    import torchvision  # complete, or not
except RuntimeError:
    for _name in ("nms", "qnms"):
        torch.library.define(
            f"torchvision::{_name}",
            "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
        )
    import torchvision  # noqa: F401
