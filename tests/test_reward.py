"""A reward is a function of each picture alone, and the ONNX file says what torch says."""

from pathlib import Path

import numpy as np
import pytest
import torch
from support.pretrained import SETTINGS, noise, pretrained

from models.bundle_writer import write_bundle
from models.runtime import Runtime
from training.exporter.graphs import reward_graph
from training.feedback.reward_model import predict_grades
from training.networks.geometry import Geometry
from training.networks.reward import HEADS, Reward


def reward(classes: int = 0) -> Reward:
    torch.manual_seed(1)
    one = pretrained(classes).new_reward()
    torch.nn.init.normal_(one.heads.weight, std=0.3)
    if one.label_heads is not None:
        torch.nn.init.normal_(one.label_heads.weight)
    return one


def test_grades_lie_between_0_and_1_and_do_not_depend_on_the_batch():
    one, images = reward(), noise(9)
    grades, deviations = predict_grades(one, images, None)
    alone, _ = predict_grades(one, images[3:4], None)

    assert ((grades > 0) & (grades < 1)).all()
    assert (deviations > 0).all()
    assert grades[3] == pytest.approx(alone[0], abs=1e-6)


def test_heads_that_agree_have_no_deviation():
    one = reward()
    one.heads.weight.copy_(one.heads.weight[:1].expand(HEADS, -1))
    one.heads.bias.fill_(0.5)

    assert predict_grades(one, noise(4), None)[1].max() < 1e-6


def test_it_learns_nothing_by_itself():
    assert not any(parameter.requires_grad for parameter in reward().parameters())


@pytest.mark.parametrize("classes", [0, 3])
def test_the_onnx_file_grades_as_torch_does(tmp_path: Path, classes: int):
    one, images = reward(classes), noise(70)
    labels = np.arange(70) % 3 if classes else None
    bundle = pretrained(classes).bundle
    geometry = Geometry(8, 8, 1, SETTINGS.patch_pixels, classes)
    contents = {name: (bundle.path / name).read_bytes() for name in bundle.card.files}
    facts = bundle.card.model_dump(exclude={"name", "version", "files", "format"})
    runtime = Runtime(write_bundle(tmp_path / "small", facts, contents | {"reward.onnx": reward_graph(one, geometry)}))

    grades, deviations = runtime.grade(images, labels)

    assert runtime.has_reward
    expected = predict_grades(one, images, labels)
    assert np.allclose(grades, expected[0], atol=1e-5)
    assert np.allclose(deviations, expected[1], atol=1e-5)


def test_a_model_that_nobody_graded_says_so():
    runtime = Runtime(pretrained().bundle)

    assert not runtime.has_reward
    with pytest.raises(ValueError, match=f"small {runtime.card.version} was not graded, and has no reward.onnx"):
        runtime.grade(noise(1))
