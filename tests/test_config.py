"""Settings are checked when they are made, and a wrong name lists the right ones."""

import pytest

from training.config import EDITION, PRESETS, Settings, preset_named
from training.schedule import penalty_times_at


def test_every_row_of_the_table_carries_its_own_name():
    assert [settings.preset for settings in PRESETS.values()] == list(PRESETS)


def test_an_unknown_preset_lists_those_that_there_are():
    with pytest.raises(
        ValueError, match="preset is 'huge'; it must be one of tiny, small, stacked, cifar10, eurosat, medium, base"
    ):
        preset_named("huge")


@pytest.mark.parametrize("name", PRESETS)
def test_the_first_edition_of_a_preset_is_what_runs_were_trained_with_before(name: str):
    first, second = preset_named(name, edition=1), preset_named(name)

    assert first == PRESETS[name]
    assert (first.fan_in_reference, first.update_clip, first.warm_up_images, first.pixel_margin) == (0, 0, 0, 0)
    assert min(second.fan_in_reference, second.update_clip, second.warm_up_images, second.pixel_margin) > 0
    variational = preset_named(name, "variational", edition=1)
    assert preset_named(name, "variational") == variational.with_changes(edition=EDITION)


def test_the_third_edition_had_penalties_at_every_step():
    third, fourth = preset_named("small", edition=3), preset_named("small", edition=4)

    assert third == fourth.with_changes(penalty_every=1, edition=3)


def test_the_second_edition_had_no_augmentation():
    second, third = preset_named("small", edition=2), preset_named("small", edition=3)

    assert (second.augment, third.augment) == ("off", "auto")
    assert second == third.with_changes(augment="off", edition=2)


def test_nothing_is_changed_by_none():
    assert preset_named("tiny").with_changes(batch=None, seed=None) == preset_named("tiny")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch": 0}, "batch is 0; it must be 1 or more"),
        ({"width": -1}, "width is -1"),
        ({"gamma": (-1.0, 0.1)}, "gamma is"),
        ({"images_shown": 5}, "less than one batch of 128"),
        ({"precision": "float8"}, "precision is 'float8'; it must be one of auto, float32, bfloat16"),
        ({"seed": -1}, "seed is -1"),
        ({"pixel_scale": 0.0}, "pixel_scale is 0.0; it must be more than 0"),
        ({"update_clip": -1.0}, "update_clip is -1.0; it must be 0 or more"),
        ({"method": "magic"}, "method is 'magic'; it must be one of gan, autoencoder, denoising, variational"),
        ({"loss": "wgan"}, "loss is 'wgan'; it must be one of relativistic, non-saturating, minimax"),
        ({"network": "unet"}, "network is 'unet'; it must be one of residual, dcgan"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_words(changes: dict, words: str):
    with pytest.raises(ValueError, match=words):
        preset_named("tiny").with_changes(**changes)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(ValueError, match=r"batch is 0; it must be 1 or more\. seed is -1; it must be 0 or more\. loss"):
        preset_named("tiny").with_changes(batch=0, seed=-1, loss="wgan")


@pytest.mark.parametrize("name", PRESETS)
def test_an_autoencoders_code_is_smaller_than_a_gans_and_there_is_no_penalty(name: str):
    gan, autoencoder = preset_named(name), preset_named(name, "autoencoder")

    assert autoencoder.method == "autoencoder"
    assert autoencoder.code_size <= 128
    assert max(autoencoder.gamma) == 0 < max(gan.gamma)


def test_a_dcgan_is_trained_at_the_rate_of_its_paper_and_a_dcgan_as_decoder_as_any_other():
    game, decoder = preset_named("small", "gan", "dcgan"), preset_named("small", "autoencoder", "dcgan")

    assert (game.learning_rate, game.beta1, game.beta2) == ((2e-4, 2e-4), 0.5, (0.999, 0.999))
    assert decoder == preset_named("small", "autoencoder").with_changes(network="dcgan")


def test_penalties_at_every_fourth_step_weigh_four_times():
    settings = preset_named("small")
    times = [penalty_times_at(settings, images_shown) for images_shown in range(0, 136 * 32, 32)]

    assert settings.penalty_every == 4
    assert times[:6] == [4, 0, 0, 0, 4, 0]
    assert sum(times) == len(times)


def test_changes_are_typed_as_a_name_and_a_value():
    typed = Settings.parse_changes(["update_clip=0", "learning_rate=[0.002,0.0001]", "precision=float32"])

    assert typed == {"update_clip": 0, "learning_rate": (0.002, 0.0001), "precision": "float32"}
    assert preset_named("small").with_changes(**typed).learning_rate == (0.002, 0.0001)
