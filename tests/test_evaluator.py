"""Features of a picture do not depend on its batch, and a file that is not an evaluator is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from support.labelled import digits_evaluator, real_digits

from training.evaluation.evaluator import (
    BATCH,
    FEATURES,
    Classifier,
    Evaluator,
    EvaluatorInfo,
    encode_evaluator,
    load_evaluator,
)


def untrained(tmp_path: Path, height: int, width: int, channels: int, classes: int = 3) -> Evaluator:
    torch.manual_seed(0)
    info = EvaluatorInfo("some", height, width, channels, tuple("abcdefgh"[:classes]), "0" * 64, None)
    path = tmp_path / "some.safetensors"
    path.write_bytes(encode_evaluator(info, Classifier(info)))
    return load_evaluator(path)


def pictures(count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (9, 33, 3), (12, 20, 3), (64, 64, 3)])
def test_any_size_becomes_64_numbers_and_a_class(tmp_path: Path, shape: tuple[int, int, int]):
    features, classes = untrained(tmp_path, *shape).extract(pictures(3, *shape))

    assert features.shape == (3, FEATURES)
    assert features.dtype == np.float32
    assert np.isin(classes, [0, 1, 2]).all()
    assert not np.array_equal(features[0], features[1])


def test_what_it_sees_in_a_picture_is_the_same_to_the_bit_in_any_company(tmp_path: Path):
    evaluator = untrained(tmp_path, 28, 28, 1)
    images = pictures(BATCH + 50, 28, 28, 1)
    together = evaluator.extract(images).vectors

    assert np.array_equal(evaluator.extract(images[::-1]).vectors[::-1], together)
    for at in (0, 7, BATCH - 1, BATCH, BATCH + 49):
        assert np.array_equal(evaluator.extract(images[at : at + 1]).vectors[0], together[at])


def test_nothing_to_look_at_is_no_error(tmp_path: Path):
    features, classes = untrained(tmp_path, 8, 8, 1).extract(pictures(0, 8, 8, 1))

    assert features.shape == (0, FEATURES)
    assert classes.shape == (0,)


def test_other_pictures_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="evaluator some: found pictures of 8 x 9 x 1, expected 8 x 8 x 1"):
        untrained(tmp_path, 8, 8, 1).extract(pictures(2, 8, 9, 1))


def test_a_file_keeps_the_facts_and_the_digest_is_the_files():
    evaluator = digits_evaluator()

    assert evaluator.info.shape == (8, 8, 1)
    assert evaluator.info.classes == tuple("0123456789")
    assert len(evaluator.digest) == 64
    assert evaluator.info.test_accuracy == evaluator.accuracy(real_digits().test, real_digits().test_labels)


def test_what_was_written_is_what_is_read_and_written_again(tmp_path: Path):
    evaluator = untrained(tmp_path, 8, 8, 1)

    assert encode_evaluator(evaluator.info, evaluator.network) == (tmp_path / "some.safetensors").read_bytes()


def test_two_pictures_that_differ_in_one_level_are_told_apart():
    evaluator, images = digits_evaluator(), real_digits().test[:1].copy()
    other = images.copy()
    other[0, 4, 4, 0] ^= 1

    assert not np.array_equal(evaluator.extract(images).vectors, evaluator.extract(other).vectors)


@pytest.mark.parametrize("spoil", [lambda data: data[:0], lambda data: data[:-10], lambda data: b"x" + data])
def test_a_damaged_file_is_refused_in_words(tmp_path: Path, spoil):
    untrained(tmp_path, 8, 8, 1)
    path = tmp_path / "some.safetensors"
    path.write_bytes(spoil(path.read_bytes()))

    with pytest.raises(
        ValueError, match=r"some\.safetensors: found .*, expected an evaluator \(judge-1\)\. Train it again"
    ):
        load_evaluator(path)


def test_weights_that_are_no_judge_are_refused(tmp_path: Path):
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")

    with pytest.raises(ValueError, match="found metadata of nothing, expected an evaluator"):
        load_evaluator(tmp_path / "other.safetensors")


def test_a_judge_whose_weights_are_not_those_of_its_facts_is_refused(tmp_path: Path):
    small, large = (EvaluatorInfo("x", side, side, 1, ("a", "b"), "0" * 64, None) for side in (8, 64))
    path = tmp_path / "x.safetensors"
    path.write_bytes(encode_evaluator(large, Classifier(small)))

    with pytest.raises(ValueError, match=r"found .* size mismatch .* expected an evaluator"):
        load_evaluator(path)
