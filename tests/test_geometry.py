"""Any height and width is reached by doublings of some coarsest cells, and cropped."""

import pytest
from support.shapes import SHAPES, SMALLEST

from training.networks.geometry import Geometry, geometry_of


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("patch_pixels", [1, 2])
def test_the_drawn_size_is_the_least_that_covers_the_picture(shape: tuple[int, int, int], patch_pixels: int):
    geometry = Geometry(*shape, patch_pixels)
    cell = patch_pixels * 2**geometry.doublings

    for side, base in zip(shape, geometry.base, strict=False):
        assert (base - 1) * cell < side <= base * cell
    assert min(geometry.base) >= 4


def test_28_pixels_need_no_cropping():
    assert Geometry(28, 28, 1, 2).base == (7, 7)
    assert Geometry(28, 28, 1, 2).margins == (0, 0, 0, 0)


def test_each_coarser_stage_has_twice_the_channels_up_to_the_most():
    assert Geometry(64, 64, 3, 1).widths(finest=16, most=100) == [100, 100, 64, 32, 16]


def test_classes_count_only_for_a_run_that_uses_them():
    assert geometry_of(SMALLEST, (8, 8, 1), classes=10).classes == 0
    assert geometry_of(SMALLEST.with_changes(conditional=True), (8, 8, 1), classes=10).classes == 10


def test_a_dcgan_draws_every_pixel_by_itself():
    assert geometry_of(SMALLEST.with_changes(network="dcgan", patch_pixels=2), (28, 28, 1)).patch_pixels == 1
