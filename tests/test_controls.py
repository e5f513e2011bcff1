"""Planted controls: an evaluator that orders them rightly is believed, another one is refused in words and figures."""

from dataclasses import replace

import numpy as np
import pytest
from support.labelled import digits_evaluator, real_digits

from training.evaluation.controls import (
    EvaluatorRefused,
    blurred,
    checked_controls,
    controls_line,
    measure_controls,
    planted,
    violations,
)
from training.evaluation.evaluator import held_out_pictures
from training.evaluation.reference import RealPictures
from training.evaluation.wavelets import WaveletEvaluator

RIGHT = {
    "images": 300,
    "real": 1.0,
    "blur 1": 3.0,
    "blur 2": 9.0,
    "noise": 40.0,
    "blocks": 20.0,
    "one repeated": 30.0,
    "real precision": 0.9,
    "real recall": 0.9,
    "blocks precision": 0.1,
    "one repeated recall": 0.0,
    "training near share": 1.0,
}


def test_the_controls_are_as_many_pictures_of_the_same_shape_and_always_the_same():
    real = np.random.default_rng(0).integers(0, 256, (30, 9, 14, 3), np.uint8)
    made = planted(real)

    assert list(made) == ["real", "blur 1", "blur 2", "noise", "blocks", "one repeated"]
    assert {(images.shape, images.dtype) for images in made.values()} == {(real.shape, real.dtype)}
    assert all(np.array_equal(images, planted(real)[name]) for name, images in made.items())
    assert (made["one repeated"] == real[0]).all()


def test_blocks_are_16_a_picture_in_colours_of_the_data():
    real = np.random.default_rng(0).integers(0, 256, (5, 8, 12, 3), np.uint8)
    blocks = planted(real)["blocks"]
    colours = {tuple(pixel) for pixel in real.reshape(-1, 3)}

    assert {tuple(pixel) for pixel in blocks.reshape(-1, 3)} <= colours
    assert (blocks[:, ::2, ::3] == blocks[:, 1::2, 2::3]).all()


def test_a_blur_keeps_the_mean_and_leaves_less_the_wider_it_is():
    point = np.zeros((1, 21, 21, 1), np.uint8)
    point[0, 10, 10] = 255

    assert blurred(point, 1)[0, 10, 10, 0] == round(255 / (2 * np.pi))
    assert blurred(point, 2)[0, 10, 10, 0] == round(255 / (8 * np.pi))
    assert (blurred(np.full((2, 5, 7, 3), 77, np.uint8), 2) == 77).all()


def test_an_evaluator_of_few_digits_is_to_be_believed():
    """Of 150 held-out pictures next to 150 test pictures, kept in its own file."""
    controls = digits_evaluator().info.controls

    assert violations(controls) == []
    assert controls["images"] == 150
    assert checked_controls(digits_evaluator(), real_digits()) == controls


def test_what_is_kept_is_what_is_measured_with_held_out_pictures():
    real, held = real_digits(), held_out_pictures(1200)

    measured = measure_controls(digits_evaluator(), real.train[~held], real.train[held], real.test)

    assert measured == digits_evaluator().info.controls


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"blur 1": 0.9}, "real has an FD ratio of 1 and blur 1 has an FD ratio of 0.9, expected real < blur 1"),
        ({"blur 2": 2.5}, "expected blur 1 < blur 2"),
        ({"noise": 8.0}, "blur 2 has an FD ratio of 9 and noise has an FD ratio of 8, expected blur 2 < noise"),
        ({"blocks": 1.0}, "expected real < blocks"),
        ({"one repeated": 0.5}, "expected real < one repeated"),
        ({"blocks precision": 0.97}, "blocks: precision 0.97, of real 0.90, expected at most 0.5 times that"),
        ({"one repeated recall": 0.4}, "one repeated: recall 0.40, of real 0.90, expected at most 0.1 times that"),
        ({"training near share": 0.2}, "20% of the training pictures are recognised, expected 50% or more"),
        ({"real": float("nan")}, "expected real < blur 1"),
    ],
)
def test_each_wrong_order_is_named_with_its_figures(changes: dict[str, float], words: str):
    assert violations(RIGHT) == []
    assert any(words in one for one in violations({**RIGHT, **changes}))


def test_a_trained_evaluator_that_is_wrong_is_refused_with_what_to_do():
    fitted = digits_evaluator()
    wrong = replace(fitted, info=replace(fitted.info, controls={**fitted.info.controls, "blocks precision": 0.97}))

    with pytest.raises(
        EvaluatorRefused,
        match=r"evaluator digits does not order these .* on 150 pictures .*precision 0\.97.* or --features imagenet",
    ):
        checked_controls(wrong, real_digits())


def test_of_an_evaluator_without_training_it_is_told():
    lines: list[str] = []
    noise = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8)

    figures = checked_controls(WaveletEvaluator(), RealPictures(noise[:30], noise[30:]), report=lines.append)

    assert figures["noise"] < figures["blur 1"], "where real pictures are noise, noise is no fault"
    assert lines[0].startswith("wavelets: take the figures with care. Found on 30 pictures of known quality: ")


def test_too_few_pictures_for_controls_are_told():
    lines: list[str] = []
    real = RealPictures(real_digits().train, real_digits().test[:9])

    assert checked_controls(WaveletEvaluator(), real, report=lines.append) is None
    assert lines == ["9 test pictures are too few to test the evaluator with controls"]


def test_the_line_for_a_person_has_every_control():
    assert controls_line(RIGHT) == (
        "FD ratios of known pictures; real: 1, blur 1: 3, blur 2: 9, noise: 40, blocks: 20, one repeated: 30"
    )
    assert controls_line(None) is None
