"""Augmentation shows real and generated pictures alike, changes nothing at p = 0, and follows overfitting alone."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from support.shapes import EIGHT_BY_EIGHT, SMALLEST
from torch import Tensor, nn

from training.checkpoint import TrainingState, _tensors, load_checkpoint, save_checkpoint
from training.config import Settings, preset_named
from training.data.batches import Batches
from training.data.dataset import Pictures, digits
from training.device import ComputeContext
from training.distributed import DistributedContext
from training.methods.augmentation import (
    MOST_P,
    NUMBERS,
    TARGET,
    Augmentation,
    Transforms,
    augmented,
    draw_transforms,
    moved,
    overfitting,
)
from training.methods.gan import Gan, discriminator_loss, generator_loss
from training.methods.losses import OBJECTIVES
from training.networks.geometry import geometry_of
from training.schedule import ScheduleValues
from training.train import batches_of, new_state, take_step

CPU = torch.device("cpu")
SETTINGS = SMALLEST.with_changes(precision="float32", batch=32, augment="auto")
SCHEDULE = ScheduleValues(learning_rate=1e-2, beta2=0.9, gamma=1.0)


def some(count: int, *shape: int, seed: int = 0) -> Tensor:
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def transforms(count: int, shape: tuple[int, int, int], p: float, seed: int = 0, **pixels: float) -> Transforms:
    normal = torch.randn(count, NUMBERS, generator=torch.Generator().manual_seed(seed))
    return draw_transforms(normal, shape, p, **pixels)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (3, 48, 80), (1, 9, 13)])
def test_at_p_0_no_bit_of_a_picture_changes(shape: tuple[int, int, int]):
    images = 3 * some(50, *shape)

    assert torch.equal(augmented(images, transforms(50, shape, 0.0)), images)


def test_a_compiled_step_has_transforms_from_the_beginning_so_that_it_is_compiled_once():
    """At p = 0 they change nothing; without held-out pictures p never rises, and none are drawn."""
    compiled = Augmentation(SETTINGS, draw_transforms)
    images = some(4, 1, 8, 8)
    pictures, random = torch.zeros(6, 1, 8, 8, dtype=torch.uint8), torch.Generator()

    drawn = compiled.draw(Batches(pictures, None, random, 4, held_out=pictures))

    assert drawn is not None
    assert torch.equal(augmented(images, drawn), images)
    assert compiled.draw(Batches(pictures, None, random, 4)) is None
    assert Augmentation(SETTINGS).draw(Batches(pictures, None, random, 4, held_out=pictures)) is None


def test_each_of_the_six_happens_to_a_share_p_of_the_pictures_by_itself():
    how = transforms(20_000, (3, 16, 16), 0.3)
    own, same = torch.eye(16), torch.eye(3)
    grey = how.colours.sum(dim=2, keepdim=True) * torch.full((1, 3), 1 / 3)  # what contrast alone would leave of it
    changed = {
        "rows": (how.rows != own).any(dim=(1, 2)),  # moved or zoomed
        "contrast": ((how.colours.sum(dim=2) - 1).abs() > 1e-5).any(dim=1),
        "saturation": (how.colours - grey - how.colours.sum(dim=2).mean(dim=1)[:, None, None] * (same - 1 / 3))
        .abs()
        .amax(dim=(1, 2))
        > 1e-5,
        "brightness": how.brightness != 0,
        "covered": (how.uncovered == 0).any(dim=(1, 2, 3)),
    }
    shares = {name: float(which.float().mean()) for name, which in changed.items()}

    assert shares["rows"] == pytest.approx(1 - 0.7 * (0.7 + 0.3 / 4.0), abs=0.02)  # a quarter of the shifts is 0 rows
    for name in ("contrast", "saturation", "brightness", "covered"):
        assert shares[name] == pytest.approx(0.3, abs=0.015), name
    together = (changed["brightness"] & changed["covered"]).float().mean()
    assert float(together) == pytest.approx(0.09, abs=0.01)


def test_a_shift_is_by_whole_pixels_and_mirrored_past_the_edge():
    one_hot = torch.arange(8.0).repeat(3, 8, 1)[:, None]  # columns 0 to 7
    normal = torch.zeros(3, NUMBERS)
    normal[:, :6] = 9.0  # nothing happens ...
    normal[:, 0] = -9.0  # ... but a shift
    normal[:, 7] = torch.tensor([-9.0, 0.0, 9.0])  # one column to the left, none, one to the right
    moved_images = augmented(one_hot, draw_transforms(normal, (1, 8, 8), 0.5))

    assert moved_images[:, 0, 0].tolist() == [
        [1, 2, 3, 4, 5, 6, 7, 6],
        [0, 1, 2, 3, 4, 5, 6, 7],
        [1, 0, 1, 2, 3, 4, 5, 6],
    ]


def test_pictures_of_little_contrast_are_changed_as_little_as_they_vary():
    """Stretched or not, a discriminator sees the same: pixels x become x / 10 + 0.2."""
    images = some(20, 3, 16, 16)
    plain = augmented(images, transforms(20, (3, 16, 16), MOST_P))
    small = augmented(images / 10 + 0.2, transforms(20, (3, 16, 16), MOST_P, offset=0.2, scale=0.1))

    assert ((small - 0.2) * 10 - plain).abs().max() < 1e-4


def test_the_generators_gradient_goes_back_through_the_transforms():
    """An affine map: the slope of a sum of the result is what the map does to each pixel, by differences."""
    images, how = some(2, 3, 8, 8).double(), Transforms(*(one.double() for one in transforms(2, (3, 8, 8), MOST_P)))
    weights = some(2, 3, 8, 8, seed=1).double()
    leaf = images.clone().requires_grad_()
    (slope,) = torch.autograd.grad((augmented(leaf, how) * weights).sum(), leaf)
    direction = some(2, 3, 8, 8, seed=2).double()
    difference = ((augmented(images + direction, how) - augmented(images, how)) * weights).sum()

    assert float((slope * direction).sum()) == pytest.approx(float(difference), rel=1e-9)
    assert slope.abs().sum() > 0


def new_gan(settings: Settings = SETTINGS) -> Gan:
    torch.manual_seed(0)
    return Gan(settings, EIGHT_BY_EIGHT, CPU)


def test_the_penalties_are_on_the_slopes_by_the_pixels_before_the_transforms():
    gan, real, z, how = new_gan(), some(32, 1, 8, 8), torch.randn(32, 8), transforms(32, (1, 8, 8), MOST_P)
    with torch.no_grad():
        fake = gan.generator(z)
    expected = 0.0
    for pictures in (real, fake):
        pictures = pictures.clone().requires_grad_()
        (slope,) = torch.autograd.grad(gan.discriminator(augmented(pictures, how)).sum(), pictures)
        expected += 3.0 / 2 * float(slope.square().sum(dim=(1, 2, 3)).mean())
    players = gan.discriminator, gan.generator, OBJECTIVES["relativistic"]
    _, seen = discriminator_loss(*players, (real, None), z, torch.tensor(3.0), how)

    assert seen["penalty"].item() == pytest.approx(expected, rel=1e-4)


def test_partners_of_a_pair_go_through_the_same_transforms():
    """A generator that draws the very real pictures has a margin of 0, however strong the transforms are."""
    gan, real, how = new_gan(), some(32, 1, 8, 8), transforms(32, (1, 8, 8), MOST_P)

    def copies(_z: Tensor, _labels: Tensor | None) -> Tensor:
        return real

    for loss in (
        partial(discriminator_loss, gan.discriminator, copies),
        partial(generator_loss, gan.discriminator, copies),
    ):
        given = (OBJECTIVES["relativistic"], (real, None), torch.randn(32, 8))
        more = (None, how) if loss.func is discriminator_loss else (how,)
        total, _ = loss(*given, *more)

        assert total.item() == pytest.approx(np.log(2), abs=1e-6)


def batches(held_out: bool = True, random_seed: int = 0, **more: object) -> Batches:
    random = torch.Generator().manual_seed(random_seed)
    images = torch.randint(0, 256, (50, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    return Batches(images, None, random, 32, held_out=images[:10] if held_out else None, **more)


def test_without_held_out_pictures_nothing_is_augmented_nor_logged():
    gan = new_gan()
    for images_shown in (0, 2_016, 4_032):
        seen = gan.update(batches(held_out=False), replace(SCHEDULE, images_shown=images_shown))

    assert "augment_p" not in seen
    assert gan.augmentation.p == 0


def test_while_p_is_0_a_run_is_the_one_without_augmentation_bit_for_bit():
    """The looks draw no random number of the run, and move no network; a DCGAN's batch normalisation neither."""
    for network in ("residual", "dcgan"):
        ends = []
        for augment in ("auto", "off"):
            gan, some_batches = new_gan(SETTINGS.with_changes(augment=augment, network=network)), batches()
            for step in range(4):
                gan.update(some_batches, replace(SCHEDULE, images_shown=1_984 + 32 * step))
            ends.append([*gan.generator.state_dict().values(), *gan.discriminator.state_dict().values()])
        looks = new_gan(SETTINGS.with_changes(network=network))
        looks.update(batches(), replace(SCHEDULE, images_shown=2_016))

        assert looks.augmentation.state()["looks"] == 1
        assert all(torch.equal(one, other) for one, other in zip(*ends, strict=True)), network


def test_two_processes_draw_two_halves_of_what_one_draws():
    wholes = Augmentation(SETTINGS)
    wholes.p = 0.5
    whole = wholes.draw(batches())
    halves = [wholes.draw(batches(distributed=DistributedContext(rank, 2))) for rank in (0, 1)]

    for name, one in whole._asdict().items():
        if name != "middle":
            both = torch.cat([getattr(half, name) for half in halves])
            assert (one - both).abs().max() < 1e-6, name  # a vector of another length rounds its last bit otherwise


def test_a_checkpoint_of_the_strength_takes_up_where_it_was():
    one, other = Augmentation(SETTINGS), Augmentation(SETTINGS)
    gan = new_gan()
    one.p = 0.3
    one.look_if_due(batches(), gan.discriminator, gan.generator, 2_016)
    other.load(one.state())
    for augmentation in (one, other):
        augmentation.look_if_due(batches(), gan.discriminator, gan.generator, 4_000)

    assert one.state() == other.state()
    assert one.state()["looks"] == pytest.approx(1.8)


def test_a_run_with_augmentation_that_was_put_down_takes_the_very_same_next_steps(tmp_path: Path):
    """Across a look at overfitting, with p above 0 before it."""
    one, other = (new_state(SETTINGS, EIGHT_BY_EIGHT, CPU) for _ in range(2))
    one.method.augmentation.p, one.images_shown = 0.5, 1_952

    def step(state: TrainingState) -> None:
        take_step(SETTINGS, replace(batches(), random=state.random), state)

    step(one)
    save_checkpoint(tmp_path / "c.safetensors", one)
    load_checkpoint(tmp_path / "c.safetensors", other)
    for state in (one, one, one, other, other, other):
        step(state)
    ones, others = dict(_tensors(one)), dict(_tensors(other))

    assert one.method.augmentation.state()["looks"] == 1
    assert one.images_shown == other.images_shown == 2_080
    assert all(torch.equal(tensor, others[name]) for name, tensor in ones.items())


@pytest.mark.parametrize(
    ("lacking", "gap", "expected"), [(0.0, 1.0, 0.0), (0.5, 1.0, 0.5), (-0.3, 1, 0.0), (9, 1, 2.0), (0.5, -0.1, 0.0)]
)
def test_overfitting_by_hand(lacking: float, gap: float, expected: float):
    assert overfitting(lacking, gap) == expected


def test_p_goes_up_above_the_target_and_down_below_it_within_its_bounds():
    assert moved(0.0, 0.0, 2_000) == 0
    assert moved(0.5, TARGET, 2_000) == 0.5
    assert moved(0.5, 1.0, 2_000) == pytest.approx(0.55)
    assert moved(0.5, 0.0, 2_000) == pytest.approx(0.45)
    assert moved(MOST_P, 1.0, 2_000) == MOST_P


def learned(count: int, images_shown: int) -> list[float]:
    """p after each look of a run on so many digits; another 180 are held out."""
    all_digits = digits()
    order = np.random.default_rng(0).permutation(len(all_digits))
    held_out = Pictures("held out", all_digits[order[-180:]], "cd" * 32, ())
    pictures = Pictures("digits", all_digits[order[:count]], "ab" * 32, (), held_out=held_out)
    settings = preset_named("tiny").with_changes(precision="float32", images_shown=images_shown)
    context = ComputeContext(CPU)
    state = new_state(settings, geometry_of(settings, (8, 8, 1)), CPU)
    some_batches = batches_of(settings, pictures, state.random, context)
    strengths = []
    while state.images_shown < images_shown:
        seen = take_step(settings, some_batches, state)
        strengths.append(float(seen["augment_p"]))
    return strengths


def test_p_rises_on_40_pictures():
    assert learned(40, 8_192)[-1] > 0.02


def test_p_stays_0_on_plentiful_pictures():
    assert max(learned(1_600, 6_144)) == 0


def drawn_by_the_simplest_generator(only_real: bool) -> Tensor:
    """(8, 8): the one picture that it draws whatever the code, after it has learned from a square in the middle."""
    torch.manual_seed(0)
    square = torch.full((32, 1, 8, 8), -0.8)
    square[:, :, 2:6, 2:6] = 0.8
    picture = nn.Parameter(torch.zeros(1, 8, 8))
    discriminator, objective = new_gan().discriminator, OBJECTIVES["relativistic"]
    adams = [torch.optim.Adam(of, 0.01, betas=(0.0, 0.9)) for of in ([picture], discriminator.parameters())]

    def draws(z: Tensor, _labels: Tensor | None) -> Tensor:
        return picture.expand(len(z), 1, 8, 8)

    z = torch.zeros(32, 8)
    for step in range(100):
        how = transforms(32, (1, 8, 8), 0.6, seed=step)
        real = (augmented(square, how) if only_real else square), None
        for adam, loss in (
            (adams[1], partial(discriminator_loss, discriminator, draws, objective, real, z, torch.tensor(0.1))),
            (adams[0], partial(generator_loss, discriminator, draws, objective, real, z)),
        ):
            total, _ = loss(transforms=None if only_real else how)
            adam.zero_grad()
            total.backward()
            adam.step()
    return picture.detach()[0]


def test_what_both_go_through_does_not_leak_and_what_only_the_real_pictures_go_through_does():
    square = torch.full((8, 8), -0.8)
    square[2:6, 2:6] = 0.8
    apart = {only: float((drawn_by_the_simplest_generator(only) - square).abs().mean()) for only in (False, True)}

    assert apart[False] < 0.05
    assert apart[True] > 0.1


@pytest.mark.parametrize("side", [8, 28])
def test_shifted_pictures_tell_what_they_were_at_the_largest_p(side: int):
    """No wave is wiped out by shifts, so no two sets of pictures look alike after them [Karras2020, appendix C]."""
    rows = transforms(4_000, (1, side, side), 1.0).rows
    shifts = rows[:, side // 2].argmax(dim=1) - side // 2  # of the middle row, which a zoom moves by half a pixel
    shares = torch.bincount(shifts % side, minlength=side) / len(shifts)
    kept = (1 - MOST_P) + MOST_P * torch.fft.fft(shares).real

    assert kept.min() > 0.01
