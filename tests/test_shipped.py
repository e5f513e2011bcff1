"""The models that are shipped: whole, small, and digits at a glance."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import mnist, needs_mnist
from PIL import Image
from torch import nn
from torch.nn import functional as F

from models.bundle import Bundle, open_all
from models.engine import usable_cores
from models.runtime import Runtime
from models.sheet import contact_sheet
from training.machine import resolve_precision
from training.pictures.data import open_pictures
from training.presets import preset_named

ROOT = Path(__file__).parent.parent
SHIPPED = [bundle for bundle in open_all(ROOT / "models") if "@" not in bundle.path.name]
PICTURES_JUDGED = 10_000


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """10,000 pictures of models/mnist, by address."""
    (bundle,) = (one for one in SHIPPED if one.card.name == "mnist")
    return Runtime(bundle).generate(seed=7, start=0, count=PICTURES_JUDGED)


@pytest.mark.parametrize("bundle", SHIPPED, ids=lambda bundle: bundle.card.name)
def test_a_shipped_bundle_is_small(bundle: Bundle):
    assert bundle.generator.stat().st_size < 6e6
    assert sum(path.stat().st_size for path in bundle.path.iterdir()) < 15e6


@pytest.mark.parametrize("bundle", SHIPPED, ids=lambda bundle: bundle.card.name)
def test_its_sheet_is_what_it_draws_here(bundle: Bundle):
    """Another machine may round differently, by one level of 255 at most."""
    expected = contact_sheet(Runtime(bundle).generate(seed=0, start=0, count=64))[:, :, 0]
    sheet = np.asarray(Image.open(bundle.path / "samples.png"))

    assert np.abs(sheet.astype(int) - expected).max() <= 1


@needs_mnist
def test_the_card_of_mnist_names_the_data_by_its_digest():
    (card,) = (bundle.card for bundle in SHIPPED if bundle.card.name == "mnist")
    pictures = open_pictures(str(ROOT.parent / "shared" / "data" / "mnist"), classes=False)

    assert card.training.data_digest == pictures.digest
    assert card.training.data_images == len(pictures.images) == 60_000


def test_no_digit_repeats_another(digits: np.ndarray):
    assert len(np.unique(digits.reshape(PICTURES_JUDGED, -1), axis=0)) == PICTURES_JUDGED


class Judge(nn.Sequential):
    """A small CNN that learns MNIST's labels in a minute: it never saw the generator, nor the generator it."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.Conv2d(64, 64, 3, padding=1),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(64 * 49, 10),
        )

    def probabilities(self, images_NHW: np.ndarray) -> np.ndarray:
        """(N, 28, 28) uint8 -> (N, 10)."""
        self.eval()
        with torch.no_grad():
            batches = torch.from_numpy(images_NHW.copy()).split(1000)
            return np.concatenate([self(batch[:, None].float() / 255).softmax(dim=1).numpy() for batch in batches])


@pytest.fixture(scope="module")
def judge() -> Judge:
    torch.manual_seed(0)
    torch.set_num_threads(usable_cores())
    dtype = getattr(torch, resolve_precision(preset_named("tiny"), torch.device("cpu")).precision)
    images, labels = (torch.from_numpy(array.copy()) for array in mnist("train"))
    judge, epochs, batch = Judge(), 3, 128
    adam = torch.optim.Adam(judge.parameters())
    steps = len(images) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 3e-3, total_steps=epochs * steps)
    for _ in range(epochs):
        for chosen in torch.randperm(len(images))[: steps * batch].split(batch):
            with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
                logits = judge(images[chosen][:, None].float() / 255)
            adam.zero_grad()
            F.cross_entropy(logits.float(), labels[chosen]).backward()
            adam.step()
            schedule.step()
    torch.set_num_threads(1)
    return judge


@needs_mnist
def test_the_judge_knows_real_digits(judge: Judge):
    images, labels = mnist("t10k")

    assert (judge.probabilities(images).argmax(axis=1) == labels).mean() >= 0.99


@needs_mnist
def test_nine_of_ten_drawn_digits_are_digits_without_doubt_and_no_class_is_missing(judge: Judge, digits: np.ndarray):
    probabilities = judge.probabilities(digits[..., 0])
    sure = (probabilities.max(axis=1) > 0.8).mean()
    share_of_class = np.bincount(probabilities.argmax(axis=1), minlength=10) / PICTURES_JUDGED
    print(f"sure of {sure:.4f}; classes {share_of_class.round(3).tolist()}")

    assert sure >= 0.9
    assert share_of_class.min() >= 0.05
    assert share_of_class.max() <= 0.15
