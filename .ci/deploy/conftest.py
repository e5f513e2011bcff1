"""The fixtures of tests/."""

from conftest import bundles, postgres  # of tests/, which is on the path

__all__ = ["bundles", "postgres"]
