"""The fixtures of tests/: one service of the shipped models and one Chromium a file."""

from conftest import arrive, bundles, chromium, studio  # of tests/, which is on the path

__all__ = ["arrive", "bundles", "chromium", "studio"]
