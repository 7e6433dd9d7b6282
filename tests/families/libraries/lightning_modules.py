"""Lightning modules: networks as they are."""

from __future__ import annotations

from typing import Any

import lightning
import torch
from torch import Tensor, nn

from families.examples import CLASSES, classifying, numbers
from families.record import third_party


class Classifier(lightning.LightningModule):
    """A module as a user writes one."""

    def __init__(self, width: int, depth: int, kernel: int, residual: bool) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.stem = nn.Conv2d(1, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Conv2d(width, width, kernel, padding=kernel // 2) for _ in range(depth)
        )
        self.residual = residual
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            new = torch.relu(block(x))
            x = x + new if self.residual else new
        return self.head(x.mean((2, 3)))

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        loss = nn.functional.cross_entropy(self(batch[0]), batch[1])
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), 1e-3)


@third_party("classifier", "lightning", numbers(2, 1, 8, 8), training=classifying(1, 8, 8))
def lightning_classifier(choose: Any) -> nn.Module:
    return Classifier(
        choose("width", [8, 16]),
        choose("depth", [1, 2, 3]),
        choose("kernel", [3, 5]),
        choose("residual", [False, True]),
    )
