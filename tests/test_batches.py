"""Pictures and random numbers of a step: together they are the same, however many processes share them."""

import torch

from training.data.batches import Batches
from training.distributed import DistributedContext
from training.pixels import from_bytes


def batches(distributed: DistributedContext, labels: bool = True) -> Batches:
    images = torch.arange(50, dtype=torch.uint8).reshape(50, 1, 1, 1).repeat(1, 1, 2, 2)
    return Batches(images, torch.arange(50) if labels else None, torch.Generator().manual_seed(3), 12, distributed)


def test_bytes_become_pixels_from_minus_one_to_one():
    assert from_bytes(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [-1.0, 1.0]


def test_a_label_is_that_of_its_picture():
    images, labels = batches(DistributedContext()).real()

    assert torch.equal(((images[:, 0, 0, 0] + 1) * 127.5).round().long(), labels)


def test_three_processes_see_together_what_one_sees():
    alone, parts = batches(DistributedContext()), [batches(DistributedContext(rank, 3)) for rank in range(3)]

    for _ in range(3):
        assert torch.equal(torch.cat([part.real()[0] for part in parts]), alone.real()[0])
        assert torch.equal(torch.cat([part.normal(4) for part in parts]), alone.normal(4))


def test_without_labels_there_are_none():
    assert batches(DistributedContext(), labels=False).real()[1] is None


def test_pictures_are_shown_as_often_as_their_weights_say():
    weights = torch.tensor([0.0, 0.7, 0.3, 0.0], dtype=torch.float64)
    images = torch.arange(4, dtype=torch.uint8).reshape(4, 1, 1, 1)
    source = Batches(
        images, torch.arange(4), torch.Generator().manual_seed(0), 10_000, summed_weights=weights.cumsum(dim=0)
    )

    counts = torch.bincount(source.real()[1], minlength=4)

    assert counts[0] == counts[3] == 0
    assert abs(counts[1] / 10_000 - 0.7) < 0.015  # 3 standard errors


def test_of_mirrored_pictures_half_have_left_and_right_exchanged():
    images = torch.arange(8, dtype=torch.uint8).repeat(10, 1, 1, 1) * 10
    drawn, labels = Batches(images, torch.arange(10), torch.Generator().manual_seed(0), 400, mirror=True).real()
    flipped = drawn[:, 0, 0, 0] > drawn[:, 0, 0, 7]

    assert 150 < int(flipped.sum()) < 250
    assert torch.equal(drawn[flipped].flip(3), drawn[~flipped][:1].expand_as(drawn[flipped]))
    assert len(labels) == 400


def test_without_mirroring_the_pictures_are_drawn_as_before():
    images, ends = torch.randint(0, 256, (10, 1, 4, 4), dtype=torch.uint8), []
    for more in ({}, {"held_out": images[:3]}):
        random = torch.Generator().manual_seed(0)
        ends.append((Batches(images, None, random, 8, **more).real()[0], random.get_state()))

    assert all(torch.equal(one, other) for one, other in zip(*ends, strict=True))
