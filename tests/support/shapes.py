"""Shapes that networks must cope with, and settings small enough to try them all."""

from training.config import preset_named
from training.networks.geometry import Geometry

SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (48, 80, 3), (64, 64, 3), (9, 13, 1), (17, 100, 3)]
SMALLEST = preset_named("tiny").with_changes(width=4, discriminator_width=4, code_size=8)
EIGHT_BY_EIGHT = Geometry(8, 8, 1, 1)
