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
