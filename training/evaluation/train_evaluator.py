"""Labelled pictures -> a judge.

    pictures, labels -> [fitting] -> a file -> classifier        shelf knows which file

Fits for a fixed number of epochs with a learning rate that rises and falls once
[Smith2018], on pictures that are shifted by a few pixels and, where a picture
has no up, turned. Deterministic on a CPU: the same pictures, seed, machine and
threads make the same file.

Letters: N pictures    H, W, C of a picture

Paper:
    [Smith2018]  Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates.  arXiv:1708.07120
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from training.device import computes_bfloat16
from training.evaluation.evaluator import (
    Classifier,
    Evaluator,
    EvaluatorInfo,
    encode_evaluator,
    load_evaluator,
    to_pixels,
)

BATCH = 128
PEAK_LEARNING_RATE = 4e-3
STEPS = 3_750
"""About as many a fit has: 8 epochs of MNIST, 20 of EuroSAT."""
CPU = torch.device("cpu")


def train_evaluator(
    path: Path,
    images_NHWC: NDArray[np.uint8],
    labels_N: NDArray[np.int64],
    classes: tuple[str, ...],
    test: tuple[NDArray[np.uint8], NDArray[np.int64]] | None = None,
    *,
    epochs: int | None = None,
    turns: bool = False,
    seed: int = 0,
    device: torch.device = CPU,
    report: Callable[[str], object] | None = None,
) -> Evaluator:
    """Fit a judge, and write it beside its place and rename it, so that the file is a whole one.

    Args:
        path: `.../<name>.safetensors`.
        images_NHWC, labels_N: (N, H, W, C) uint8 and (N,) from 0 to len(classes) - 1.
        classes: their names.
        test: pictures and labels to measure it on, never fitted to.
        epochs: how often each picture is shown; as makes 3,750 steps, if not given.
        turns: the pictures have no up: mirror them and turn them by quarters.
        device: where to fit, in bfloat16 where it can. The judge looks on the CPU, and in float32.
        report: gets a line an epoch.

    Raises:
        ValueError: fewer than two classes, or labels that name none.
    """
    _check_labels(images_NHWC, labels_N, classes)
    height, width, channels = images_NHWC.shape[1:]
    steps = max(1, len(images_NHWC) // BATCH)
    epochs = epochs or max(1, round(STEPS / steps))
    digest = data_digest(images_NHWC, labels_N, classes)
    facts = EvaluatorInfo(path.stem, height, width, channels, classes, digest, None)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Classifier(facts).to(device, memory_format=torch.channels_last)
        batches = _batches(images_NHWC, labels_N, epochs, turns)
        _descend(network, batches, epochs, steps, device, report)
    path.parent.mkdir(parents=True, exist_ok=True)
    evaluator = _write(path, facts, network)
    return evaluator if test is None else _write(path, replace(facts, test_accuracy=evaluator.accuracy(*test)), network)


def _descend(
    network: Classifier,
    batches: Iterator[tuple[Tensor, Tensor]],
    epochs: int,
    steps: int,
    device: torch.device,
    report: Callable[[str], object] | None,
) -> None:
    adam = torch.optim.AdamW(network.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, PEAK_LEARNING_RATE, total_steps=epochs * steps)
    for step, (images_NCHW, labels_N) in enumerate(batches, start=1):
        with torch.autocast(device.type, torch.bfloat16, enabled=computes_bfloat16(device)):
            _, logits = network(images_NCHW.to(device))
        loss = F.cross_entropy(logits.float(), labels_N.to(device))
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
        if report and step % steps == 0:
            report(f"epoch {step // steps} of {epochs}: loss {loss.item():.4f}")


def _batches(
    images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64], epochs: int, turns: bool
) -> Iterator[tuple[Tensor, Tensor]]:
    shift = max(1, min(images_NHWC.shape[1:3]) // 14)
    whole = max(1, len(images_NHWC) // BATCH) * BATCH
    for _ in range(epochs):
        for chosen in torch.randperm(len(images_NHWC))[:whole].split(BATCH):
            images, labels = (torch.from_numpy(array[chosen.numpy()]) for array in (images_NHWC, labels_N))
            yield _moved(to_pixels(images), shift, turns), labels


def _moved(images_NCHW: Tensor, shift: int, turns: bool) -> Tensor:
    """The pictures of a batch moved together: by up to `shift` pixels, and turned if they may be."""
    height, width = images_NCHW.shape[2:]
    down, right, quarters, mirrored = (int(torch.randint(n, ())) for n in (2 * shift + 1, 2 * shift + 1, 4, 2))
    padded = F.pad(images_NCHW, (shift,) * 4, mode="replicate")
    images_NCHW = padded[:, :, down : down + height, right : right + width]
    if not turns:
        return images_NCHW
    images_NCHW = images_NCHW.flip(3) if mirrored else images_NCHW
    return images_NCHW.rot90(quarters if height == width else quarters // 2 * 2, (2, 3))


def data_digest(images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64], classes: tuple[str, ...]) -> str:
    """SHA-256 over labelled pictures: their shape, classes, pixels and labels."""
    digest = hashlib.sha256(repr((images_NHWC.shape, classes)).encode())
    digest.update(np.ascontiguousarray(images_NHWC).data)
    digest.update(np.ascontiguousarray(labels_N, np.int64).data)
    return digest.hexdigest()


def _write(path: Path, facts: EvaluatorInfo, network: Classifier) -> Evaluator:
    writing = path.with_name(f".{path.name}.writing-{os.getpid()}")
    writing.write_bytes(encode_evaluator(facts, network))
    writing.rename(path)
    return load_evaluator(path)


def _check_labels(images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64], classes: tuple[str, ...]) -> None:
    if len(classes) < 2:
        raise ValueError(f"found {len(classes)} class, expected 2 or more: a judge learns to tell them apart")
    if labels_N.shape != images_NHWC.shape[:1] or labels_N.min() < 0 or labels_N.max() >= len(classes):
        raise ValueError(
            f"found {len(labels_N)} labels from {labels_N.min()} to {labels_N.max()}, "
            f"expected {len(images_NHWC)} from 0 to {len(classes) - 1}"
        )
