"""The near share tells copies from new pictures, and a person reads of it where copies are likely."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support.commandline import typed
from support.logged_runs import SETTINGS, gan_log, logged_run

from training.data.batches import Batches
from training.data.dataset import digits
from training.monitoring.doctor import diagnose
from training.monitoring.near_share import MOST_NUMBERS, NearShare, largest_by_chance
from training.monitoring.report import write_report

ORDER = np.random.default_rng(0).permutation(1797)
DIGITS = digits()[ORDER]
TRAIN, HELD_OUT, NEW = DIGITS[:1000], DIGITS[1000:1200], DIGITS[1200:1264]


def near_share(drawn: np.ndarray, mirror: bool = False, held_out: np.ndarray | None = HELD_OUT) -> dict[str, float]:
    train, held = (None if one is None else torch.from_numpy(one).permute(0, 3, 1, 2) for one in (TRAIN, held_out))
    assert train is not None
    return NearShare(Batches(train, None, torch.Generator(), 32, mirror=mirror, held_out=held)).of(drawn)


def test_new_pictures_stay_below_the_limit_and_copies_are_all_near():
    slightly_other = np.clip(TRAIN[:64].astype(int) + 8, 0, 255).astype(np.uint8)

    assert near_share(NEW)["near_share"] <= near_share(NEW)["near_limit"] == 0.1
    assert near_share(TRAIN[:64])["near_share"] == 1
    assert near_share(slightly_other)["near_share"] > 0.9
    assert near_share(np.concatenate([TRAIN[:32], NEW[:32]]))["near_share"] == pytest.approx(0.5, abs=0.05)


def test_mirror_images_of_training_pictures_are_copies_where_the_run_learns_from_them():
    mirrored = np.ascontiguousarray(TRAIN[:64, :, ::-1])

    assert near_share(mirrored, mirror=True)["near_share"] == 1
    assert near_share(mirrored)["near_share"] < 0.2


def test_without_held_out_pictures_or_with_the_training_pictures_held_out_nothing_is_said():
    assert near_share(NEW, held_out=None) == {}
    assert near_share(NEW, held_out=TRAIN[:100]) == {}


def test_of_too_many_pictures_it_is_not_measured():
    images = torch.zeros(1, 1, 1, 1, dtype=torch.uint8).expand(MOST_NUMBERS + 1, 1, 1, 1)

    assert NearShare(Batches(images, None, torch.Generator(), 32, held_out=images[:10])).of(NEW) == {}


def test_with_few_held_out_pictures_more_is_left_to_chance():
    """All L held-out pictures are farther than a share s of new ones with a probability of (1 - s)^L = 0.01."""
    assert (1 - largest_by_chance(10)) ** 10 == pytest.approx(0.01)
    assert largest_by_chance(1000) == 0.1


def memorised(share: float, **settings: object):
    lines = gan_log(100)
    for line in lines:
        if "diversity" in line:
            line |= {"near_share": share, "near_limit": 0.1}
    return lines, SETTINGS.with_changes(**settings)


def test_the_doctor_says_it_with_the_number_and_what_to_do(tmp_path: Path):
    diagnosis = diagnose(*memorised(0.6, augment="off"))

    assert (diagnosis.verdict, diagnosis.warning) == ("memorising", True)
    assert diagnosis.explanation.startswith(
        "60% of the pictures of the last sample sheet are nearer to a training picture than 99% of the held-out ones"
    )
    assert "Begin another run with --augment auto." in diagnosis.advice
    assert "Begin another run with --augment auto." not in diagnose(*memorised(0.6, augment="auto")).advice
    assert diagnose(*memorised(0.05)).verdict == "finished"
    page = write_report(logged_run(tmp_path / "run", memorised(0.6)[0])).read_text()
    assert "60% of the pictures of the last sample sheet" in page
    assert "Near share of the sample sheet" in page


def test_fit_ends_with_a_warning_where_it_drew_what_it_was_shown(tmp_path: Path):
    """One grey, again and again; the held-out pictures are far from it."""
    random = np.random.default_rng(0)
    for number in range(20):
        for part, pixels in (
            ("train", np.full((8, 8), 128 + number % 3)),
            ("test", random.integers(0, 2, (8, 8)) * 255),
        ):
            (tmp_path / "grey" / part).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "grey" / part / f"{number}.png")
    few = ["--kimg", "0.5", "--batch", "50", "--threads", "1", "--device", "cpu", "--precision", "float32"]
    code, said = typed("fit", tmp_path / "grey", "--out", tmp_path / "m", "--run", tmp_path / "r", *few)

    assert code == 0, said
    assert "20 pictures are in the test part, which no training sees" in said
    assert "warning: 100% of the pictures of the last sample sheet are nearer to a training picture" in said
    assert "Where left and right do not matter, begin another run with --mirror." in said
