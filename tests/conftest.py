"""What all tests share."""

from __future__ import annotations

import torch
from botorch.acquisition.multi_objective import logei

# BoTorch compiles a C++ kernel when one of these acquisition functions is first made, which takes a
# minute; its Python path computes the same. There is no public switch.
logei._load_attempted = True
torch.set_num_threads(1)
