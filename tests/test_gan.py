"""The two updates: each moves its own network, in its own direction, and only it."""

import copy
from dataclasses import replace
from functools import partial

import pytest
import torch
from support.shapes import EIGHT_BY_EIGHT, SMALLEST

from training.data.batches import Batches
from training.methods.gan import Gan, discriminator_loss, generator_loss
from training.methods.losses import OBJECTIVES, classification_loss
from training.networks.geometry import Geometry
from training.schedule import ScheduleValues

CPU = torch.device("cpu")
SETTINGS = SMALLEST.with_changes(precision="float32", batch=32)
SCHEDULE = ScheduleValues(learning_rate=1e-2, beta2=0.9, gamma=1.0)


@pytest.fixture
def gan() -> Gan:
    torch.manual_seed(0)
    return Gan(SETTINGS, EIGHT_BY_EIGHT, CPU)


def batches(classes: int = 0) -> Batches:
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (200, 1, 8, 8), dtype=torch.uint8, generator=random)
    labels = torch.randint(0, classes, (200,), generator=random) if classes else None
    return Batches(images, labels, random, 32)


def real() -> tuple[torch.Tensor, None]:
    return torch.rand(32, 1, 8, 8) * 2 - 1, None


def gradients(gan: Gan) -> dict[str, bool]:
    """Which networks would move."""
    return {
        name: any(parameter.grad is not None for parameter in network.parameters())
        for name, network in gan.networks.items()
    }


def players(gan: Gan) -> tuple:
    return gan.discriminator, gan.generator


@pytest.mark.parametrize("loss", OBJECTIVES)
def test_the_discriminators_loss_moves_the_discriminator_alone(gan: Gan, loss: str):
    total, _ = discriminator_loss(*players(gan), OBJECTIVES[loss], real(), torch.randn(32, 8), torch.tensor(1.0))
    total.backward()

    assert gradients(gan) == {"generator": False, "discriminator": True}


@pytest.mark.parametrize("gamma", [None, 1.0])
def test_what_tells_the_classes_is_asked_of_real_pictures_alone(gamma: float | None):
    torch.manual_seed(0)
    gan = Gan(SETTINGS, replace(EIGHT_BY_EIGHT, classes=3), CPU)
    images, labels = real()[0], torch.arange(32) % 3
    given = (*players(gan), OBJECTIVES["relativistic"], (images, labels), torch.randn(32, 8))
    slopes = None if gamma is None else torch.tensor(gamma)
    without, with_classes = (discriminator_loss(*given, slopes, None, weight)[0] for weight in (0.0, 2.0))

    own, of_every_class = gan.discriminator.scores(images, labels)
    assert torch.equal(own, of_every_class[torch.arange(32), labels])
    assert (with_classes - without).item() == pytest.approx(
        2 * classification_loss(of_every_class, labels).item(), rel=1e-5
    )


@pytest.mark.parametrize("loss", OBJECTIVES)
def test_an_update_moves_both_and_leaves_the_discriminator_trainable(loss: str):
    torch.manual_seed(0)
    gan = Gan(SETTINGS.with_changes(loss=loss), EIGHT_BY_EIGHT, CPU)
    before = copy.deepcopy(gan.networks)
    seen = gan.update(batches(), SCHEDULE)

    for name, network in gan.networks.items():
        moved = (torch.equal(a, b) for a, b in zip(network.parameters(), before[name].parameters(), strict=True))
        assert not all(moved)
    assert all(parameter.requires_grad for parameter in gan.discriminator.parameters())
    assert set(seen) == {"d_loss", "penalty", "margin", "d_wins", "g_loss", "deviation", "spread"}


def descended(network: torch.nn.Module, loss, steps: int) -> tuple[dict, dict]:
    """What was seen at the first and at the last of some steps of Adam."""
    adam = torch.optim.Adam(network.parameters(), 1e-2, betas=(0.0, 0.9))
    first = None
    for _ in range(steps):
        total, seen = loss()
        adam.zero_grad()
        total.backward()
        adam.step()
        first = first or seen
    return {k: v.item() for k, v in first.items()}, {k: v.item() for k, v in seen.items()}


@pytest.mark.parametrize("loss", OBJECTIVES)
def test_the_discriminator_learns_to_win_against_a_generator_that_stands_still(gan: Gan, loss: str):
    fixed = (OBJECTIVES[loss], real(), torch.randn(32, 8), torch.tensor(0.1))
    before, after = descended(gan.discriminator, partial(discriminator_loss, *players(gan), *fixed), 60)

    assert after["d_loss"] < 0.5 * before["d_loss"]
    assert after["d_wins"] > 0.95
    assert after["margin"] > before["margin"]


@pytest.mark.parametrize("loss", ["relativistic", "non-saturating"])
def test_the_generator_learns_to_fool_a_discriminator_that_stands_still(gan: Gan, loss: str):
    shown, z = real(), torch.randn(32, 8)
    learn = partial(discriminator_loss, *players(gan), OBJECTIVES[loss], shown, z, torch.tensor(0.1))
    descended(gan.discriminator, learn, 20)
    before, after = descended(gan.generator, partial(generator_loss, *players(gan), OBJECTIVES[loss], shown, z), 60)

    assert after["g_loss"] < 0.5 * before["g_loss"]


def test_the_logged_penalty_is_r1_and_r2_of_the_two_batches(gan: Gan):
    """Each computed on its own, by autograd."""
    (images, _), z = real(), torch.randn(32, 8)
    with torch.no_grad():
        fake = gan.generator(z)
    expected = 0.0
    for pictures in (images, fake):
        pictures = pictures.clone().requires_grad_()
        (slope,) = torch.autograd.grad(gan.discriminator(pictures).sum(), pictures)
        expected += 3.0 / 2 * float(slope.square().sum(dim=(1, 2, 3)).mean())

    _, seen = discriminator_loss(*players(gan), OBJECTIVES["relativistic"], (images, None), z, torch.tensor(3.0))

    assert seen["penalty"].item() == pytest.approx(expected, rel=1e-4)


def test_generated_pictures_have_the_labels_of_their_real_partners():
    """The generator is called with the very labels of the batch, and both halves are scored by them."""
    torch.manual_seed(0)
    gan = Gan(SETTINGS.with_changes(conditional=True), Geometry(8, 8, 1, 1, classes=3), CPU)
    images, labels_N, z = torch.randn(6, 1, 8, 8), torch.tensor([0, 1, 2, 0, 1, 2]), torch.randn(6, 8)
    with torch.no_grad():
        expected = gan.discriminator(images, labels_N) - gan.discriminator(gan.generator(z, labels_N), labels_N)

    _, seen = discriminator_loss(*players(gan), OBJECTIVES["relativistic"], (images, labels_N), z, None)

    assert seen["margin"].item() == pytest.approx(expected.mean().item(), abs=1e-5)


def test_a_step_between_those_with_penalties_computes_none_and_they_weigh_as_much_in_the_mean():
    def penalty(times: int) -> float:
        torch.manual_seed(0)
        return (
            Gan(SETTINGS, EIGHT_BY_EIGHT, CPU)
            .update(batches(), replace(SCHEDULE, penalty_times=times))["penalty"]
            .item()
        )

    assert penalty(0) == 0
    assert 0 < penalty(4) == pytest.approx(4 * penalty(1))


def test_without_gamma_there_is_no_penalty():
    gan = Gan(SETTINGS.with_changes(gamma=(0.0, 0.0)), EIGHT_BY_EIGHT, CPU)

    assert gan.update(batches(), SCHEDULE)["penalty"].item() == 0


def test_a_conditional_gan_and_a_dcgan_take_steps_too():
    for changes, classes in (({"conditional": True}, 4), ({"network": "dcgan"}, 0)):
        gan = Gan(SETTINGS.with_changes(**changes), Geometry(8, 8, 1, 1, classes), CPU)

        assert all(torch.isfinite(value) for value in gan.update(batches(classes), SCHEDULE).values())


def test_pictures_of_a_quarter_of_the_contrast_make_the_same_game_when_they_are_stretched():
    """Levels 0, 4, ... 252 become 96 to 159: pixels x become x / 4 + 0.75 / 255."""
    seen = []
    for quarter, offset, scale in ((False, 0.0, 1.0), (True, 0.75 / 255, 0.25)):
        torch.manual_seed(0)
        gan = Gan(SETTINGS.with_changes(pixel_offset=offset, pixel_scale=scale), EIGHT_BY_EIGHT, CPU)
        levels = batches().images // 4
        seen.append(gan.update(replace(batches(), images=96 + levels if quarter else 4 * levels), SCHEDULE))
    plain, stretched = seen

    assert stretched["deviation"] == pytest.approx(plain["deviation"].item() / 4, rel=1e-3)
    for name in ("d_loss", "penalty", "margin", "g_loss"):
        assert stretched[name].item() == pytest.approx(plain[name].item(), abs=1e-4), name
