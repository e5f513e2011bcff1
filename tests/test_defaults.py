"""Settings follow from the pictures: the preset from their size and colour, the scale of pixels from their contrast."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.config import EDITION, MethodName, NetworkName, preset_named
from training.data.dataset import Pictures
from training.defaults import contrast_of, default_settings, preset_for
from training.run import Run


def pictures_of(height: int, width: int, lowest: int = 0, highest: int = 255, channels: int = 1) -> Pictures:
    images = np.full((3, height, width, channels), lowest, np.uint8)
    images[0, 0, 0, 0] = highest
    return Pictures("some", images, "ab" * 32, ())


@pytest.mark.parametrize(
    ("height", "width", "preset"),
    [(8, 8, "tiny"), (16, 12, "tiny"), (17, 8, "small"), (28, 28, "small"), (40, 40, "small"), (48, 80, "medium")],
)
def test_the_preset_follows_from_the_longer_side(height: int, width: int, preset: str):
    assert preset_for(pictures_of(height, width)) == preset


@pytest.mark.parametrize(
    ("side", "preset"), [(8, "tiny"), (16, "tiny"), (17, "medium"), (32, "medium"), (64, "medium")]
)
def test_a_gan_of_pictures_in_colour_has_a_lower_rate_from_17_pixels_on(side: int, preset: str):
    pictures = pictures_of(side, side, channels=3)

    assert default_settings(pictures).preset == preset
    assert default_settings(pictures, edition=4).preset == preset_for(pictures_of(side, side))
    assert default_settings(pictures, method="autoencoder").preset == preset_for(pictures_of(side, side))
    assert default_settings(pictures, network="dcgan").preset == preset_for(pictures_of(side, side))


def test_gamma_grows_with_the_side_above_the_presets_own_size():
    at_64, at_128 = default_settings(pictures_of(64, 64)), default_settings(pictures_of(128, 96))

    assert at_64.gamma == preset_named("medium").gamma
    assert at_128.gamma == pytest.approx([2 * gamma for gamma in at_64.gamma])


def test_a_preset_that_is_named_keeps_its_gamma():
    assert default_settings(pictures_of(128, 128), "small").gamma == preset_named("small").gamma


def test_pixels_that_fill_half_of_the_range_are_left_as_they_are():
    settings = default_settings(pictures_of(28, 28, 60, 190))

    assert settings == preset_named("small")


def test_pixels_of_little_contrast_are_stretched_to_the_whole_range():
    offset, scale = contrast_of(pictures_of(28, 28, 127, 130))
    pixels = np.array([127, 130]) / 127.5 - 1

    assert (pixels - offset) / scale == pytest.approx([-1, 1])


def test_pictures_that_are_all_of_one_grey_have_a_scale_too():
    assert contrast_of(pictures_of(8, 8, 255, 255)) == (1.0, 1 / 255)


def test_a_run_goes_on_with_the_edition_of_the_presets_that_it_began_with(tmp_path: Path):
    pictures = pictures_of(64, 64)
    assert Run(tmp_path / "new").edition == EDITION
    first = default_settings(pictures, edition=1)
    run = Run(tmp_path / "old")
    run.begin(first, pictures)
    config = run.config()
    del config["settings"]["edition"]
    run.write("config.json", json.dumps(config).encode())

    assert run.edition == 1
    assert first == preset_named("small", edition=1)
    run.begin(default_settings(pictures, edition=run.edition), pictures)


@pytest.mark.parametrize(
    ("method", "network"), [("gan", None), ("gan", "dcgan"), ("autoencoder", None), ("variational", None)]
)
def test_a_run_of_any_method_is_resumed_by_the_words_that_began_it(
    tmp_path: Path, method: MethodName, network: NetworkName | None
):
    pictures, run = pictures_of(64, 64, channels=3), Run(tmp_path / "run")
    run.begin(default_settings(pictures, None, method, network, run.edition), pictures)

    assert run.edition == EDITION
    run.begin(default_settings(pictures, None, method, network, run.edition), pictures)
