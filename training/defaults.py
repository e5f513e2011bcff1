"""Settings that follow from the pictures, where a person gives none: the one place that decides them.

    pictures, config (presets) -> [defaults] -> plan, comparison, profile

What follows from what, and why, by the measurements in LOG.md (2026-11-25):

    size            the preset: `tiny` to 16 pixels, `small` to 40, `medium` above; `base` is for a GPU and never chosen
                    silently. Above the preset's own size gamma grows with the side: slopes add up over pixels
    colour          a GAN of pictures in colour has `medium` from 17 pixels on: half the rate of `small`, at which some
                    diverged, and twice the images in a time (2026-11-27)
    contrast        offset and scale of the pixels: where they fill less than half of the range, networks see them
                    stretched to it, or the first updates are larger than everything that there is to learn
    classes         a score and a map of codes for each, in `plan.resolve_settings`
    number, device  nothing: the same rates hold from 300 pictures on, on any device

A run that was begun with an older edition of the presets goes on with it.
"""

from training.config import EDITION, MethodName, NetworkName, Settings, preset_named
from training.data.dataset import Pictures

_SIDES = {"tiny": 16, "small": 40}
"""Largest side in pixels for a preset, smallest first."""
_LARGER, _LARGER_SIDE = "medium", 64
_FULL_CONTRAST = 0.5
"""Half of the range of the pixels, on the scale of -1 to 1, from which on they are left as they are."""


def preset_for(pictures: Pictures, edition: int = EDITION, by_colour: bool = True) -> str:
    """The row of the table of presets for pictures of this size and colour.

    Args:
        edition: of the presets: the first had no `medium`, and up to the fourth colour changed nothing.
        by_colour: False: of the size alone, as for what is no residual GAN.
    """
    side, channels = max(pictures.images.shape[1:3]), pictures.images.shape[3]
    if edition == 1:
        return "tiny" if side <= _SIDES["tiny"] else "small"
    found = next((name for name, largest in _SIDES.items() if side <= largest), _LARGER)
    return _LARGER if found == "small" and by_colour and edition > 4 and channels > 1 else found


def default_settings(
    pictures: Pictures,
    preset: str | None = None,
    method: MethodName = "gan",
    network: NetworkName | None = None,
    edition: int = EDITION,
) -> Settings:
    """The settings for these pictures.

    Args:
        preset: a row of the table of presets; by the pictures, if there is none.
        edition: of the presets.

    Raises:
        ValueError: no such preset.
    """
    residual_gan = method == "gan" and network != "dcgan"
    settings = preset_named(preset or preset_for(pictures, edition, by_colour=residual_gan), method, network, edition)
    if edition == 1 or not residual_gan:
        return settings
    offset, scale = contrast_of(pictures)
    times = max(1.0, max(pictures.images.shape[1:3]) / _LARGER_SIDE) if preset is None else 1.0
    gamma = (settings.gamma[0] * times, settings.gamma[1] * times)
    return settings.with_changes(pixel_offset=offset, pixel_scale=scale, gamma=gamma)


def contrast_of(pictures: Pictures) -> tuple[float, float]:
    """Middle and half range of all pixels on the scale of -1 to 1; 0 and 1 where they fill at least half of it."""
    lowest, highest = int(pictures.images.min()), int(pictures.images.max())
    middle, half = (lowest + highest) / 255 - 1, max(1, highest - lowest) / 255
    return (0.0, 1.0) if half >= _FULL_CONTRAST else (middle, half)
