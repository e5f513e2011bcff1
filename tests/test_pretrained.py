"""Fine-tuning starts from a model's weights, its settings and its discriminator's features."""

from pathlib import Path

import pytest
import torch
from support.pretrained import noise, pretrained, write_pretrained
from support.untrained import write_untrained

from training.config import finetuning_settings
from training.feedback.pretrained import Pretrained
from training.feedback.reward_model import reward_features
from training.train import new_state


def test_a_new_run_starts_with_the_weights_of_its_parent():
    one = pretrained(classes=3)
    settings = finetuning_settings(one.settings, None, "0" * 16, "0" * 16).with_changes(precision="float32")
    state = new_state(settings, one.geometry, torch.device("cpu"))

    one.load_into(state)

    for network in (state.method.networks["generator"], state.ema):
        assert torch.equal(network.base.weight, one.weights["generator.base.weight"])
    assert torch.equal(state.method.networks["discriminator"].head.weight, one.weights["discriminator.head.weight"])


def test_a_rewards_features_are_those_that_the_discriminator_scores():
    one = pretrained()
    images = noise(5)
    scores = reward_features(one.new_reward(), images) @ one.weights["discriminator.head.weight"].T

    assert torch.allclose(scores.squeeze(1) + one.weights["discriminator.head.bias"], _scores(one, images), atol=1e-5)


def _scores(one: Pretrained, images) -> torch.Tensor:
    from training.checkpoint import below
    from training.networks.gan import Discriminator
    from training.pixels import from_bytes

    discriminator = Discriminator(one.settings, one.geometry)
    discriminator.load_state_dict(below("discriminator", one.weights))
    with torch.no_grad():
        return discriminator(from_bytes(torch.from_numpy(images).permute(0, 3, 1, 2)))


def test_fine_tuning_lowers_the_learning_rate_once():
    once = finetuning_settings(pretrained().settings, "literal", "a" * 16, "b" * 16)
    twice = finetuning_settings(once, None, "c" * 16, "d" * 16)

    assert once.learning_rate[0] == pretrained().settings.learning_rate[0] / 10
    assert (once.method, once.update, once.parent, once.grades) == ("rated", "literal", "a" * 16, "b" * 16)
    assert twice.learning_rate == once.learning_rate
    assert (twice.update, twice.parent) == ("tilted", "c" * 16)


def test_a_model_without_a_discriminator_cannot_be_fine_tuned(tmp_path: Path):
    write_pretrained(tmp_path / "vague", method="variational")
    write_untrained(tmp_path / "light", 8, 8, 1, 4)

    with pytest.raises(ValueError, match=r"found method variational, expected gan or rated, with weights\.safetensors"):
        Pretrained.open(tmp_path / "vague")
    with pytest.raises(ValueError, match=r"found method gan without weights\.safetensors, expected"):
        Pretrained.open(tmp_path / "light")
