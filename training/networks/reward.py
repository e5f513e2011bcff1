"""Picture [and label] -> the grade that a person would give, and how unsure that is.

    gan (a trained discriminator) -> [reward] -> methods, feedback, exporter (reward.onnx)

A few hundred grades do not teach a network to see. A discriminator has seen
every picture of the data, and what it has learned to look at is kept here as it
is; the grades teach linear heads on top of it, and what each class is worth.
Each head learned from other grades of the same people (a bootstrap), so where
they disagree, the grades do not decide.

Letters: N pictures    C, H, W of a picture    F features    M heads
"""

import torch
from torch import Tensor, nn

from training.config import Settings
from training.networks.gan import Discriminator
from training.networks.geometry import Geometry

HEADS = 20
PESSIMISM = 0.5
"""Deviations taken off a grade wherever something is made to please: unsure is not good."""


class Reward(nn.Module):
    """A discriminator's eyes, frozen, and heads that grade what they see."""

    mean: Tensor
    """(F,) of the features of the graded pictures."""
    deviation: Tensor
    """(F,) of the same."""

    def __init__(self, settings: Settings, geometry: Geometry) -> None:
        super().__init__()
        self.eyes = Discriminator(settings, geometry)
        features = self.eyes.head.in_features
        self.eyes.head = nn.Identity()  # type: ignore[assignment]  # its scores are not needed, its eyes are
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        self.heads = nn.Linear(features, HEADS)
        self.label_heads = nn.Embedding(geometry.classes, HEADS) if geometry.classes else None
        self.requires_grad_(False).eval()

    def standardised(self, features_NF: Tensor) -> Tensor:
        """What the eyes see, about standard for the pictures that were graded."""
        return (features_NF - self.mean) / self.deviation

    def logits(self, images_NCHW: Tensor, labels_N: Tensor | None = None) -> Tensor:
        """What each head thinks: pixels in [-1, 1], (N,) -> (N, M); the grade is their sigmoid."""
        logits_NM: Tensor = self.heads(self.standardised(self.eyes.head_outputs(images_NCHW)))
        return logits_NM if self.label_heads is None else logits_NM + self.label_heads(labels_N)

    def forward(self, images_NCHW: Tensor, labels_N: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) pixels in [-1, 1], (N,) -> grades (N,) from 0 to 1, and their deviation among the heads (N,)."""
        grades_NM = torch.sigmoid(self.logits(images_NCHW, labels_N))
        grade_N = grades_NM.mean(dim=1)
        return grade_N, (grades_NM - grade_N[:, None]).square().mean(dim=1).sqrt()
