"""One-hot choices."""

from __future__ import annotations

from bonas.encoders import (
    Encoder,
    OneHot,
)
from bonas.spaces import (
    Space,
)
from bonas.testing import EncoderContract


class TestOneHot(EncoderContract):
    def encoder(self, space: Space) -> Encoder:
        return OneHot(space)
