"""The evaluator for a data set: a shipped one, one trained before, or one trained now.

    real pictures -> evaluator_store -> evaluator -> reference, evaluate

An evaluator that was trained on exactly these pictures comes first, then a
shipped one of their shape and classes (`reference` refuses it where it does not
recognise them), then wavelets, which the scores name.

Training takes a fixed number of epochs with a one-cycle learning rate [Smith2018],
on pictures that are shifted by a few pixels and, where they have no up, rotated.
It is deterministic on a CPU: the same pictures, seed, machine and threads write
the same file.

Letters: N pictures    H, W, C of a picture

Paper:
    [Smith2018]  Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates.  arXiv:1708.07120
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.files import write_atomically
from training.data.dataset import data_digest
from training.device import computes_bfloat16
from training.evaluation.evaluator import (
    Classifier,
    Evaluator,
    EvaluatorInfo,
    encode_evaluator,
    load_evaluator,
    to_pixels,
)
from training.evaluation.reference import AnyEvaluator, RealPictures
from training.evaluation.wavelets import WaveletEvaluator

SHIPPED = Path(__file__).parent / "evaluators"
TRAINED = Path("runs/evaluators")
BATCH = 128
PEAK_LEARNING_RATE = 4e-3
STEPS = 3_750
"""About as many steps as a training has: 8 epochs of MNIST, 20 of EuroSAT."""
CPU = torch.device("cpu")


def shipped_evaluator(name: str) -> Evaluator:
    """The shipped evaluator of this name: `mnist` or `eurosat`."""
    return load_evaluator(SHIPPED / f"{name}.safetensors")


def find_evaluator(
    real: RealPictures,
    *,
    fit: bool = False,
    device: torch.device = CPU,
    folder: Path = TRAINED,
    report: Callable[[str], object] | None = None,
) -> AnyEvaluator:
    """The evaluator for these pictures.

    Args:
        real: with labels and class names, or without.
        fit: train one, if none was trained on these pictures before.
        device, report: see `train_evaluator`.
        folder: of trained evaluators; `judges` next to it, where older versions wrote, is read too.

    Raises:
        ValueError: `fit` without labels.
    """
    if real.train_labels is None or real.classes is None:
        if fit:
            raise ValueError("found pictures without labels, expected labels to train an evaluator. Leave out --fit.")
        return _wavelets("these pictures have no labels", report)
    path = folder / f"{data_digest(real.train, real.train_labels, real.classes)[:16]}.safetensors"
    for known in (path, folder.with_name("judges") / f"{_older_digest(real)[:16]}.safetensors"):
        if known.is_file():
            return load_evaluator(known)
    if fit:
        test = None if real.test_labels is None else (real.test, real.test_labels)
        return train_evaluator(path, real.train, real.train_labels, real.classes, test, device=device, report=report)
    return _shipped_for(real) or _wavelets("no evaluator knows these classes (`evaluate --fit` trains one)", report)


def train_evaluator(
    path: Path,
    images_NHWC: NDArray[np.uint8],
    labels_N: NDArray[np.int64],
    classes: tuple[str, ...],
    test: tuple[NDArray[np.uint8], NDArray[np.int64]] | None = None,
    *,
    epochs: int | None = None,
    rotate: bool = False,
    seed: int = 0,
    device: torch.device = CPU,
    report: Callable[[str], object] | None = None,
) -> Evaluator:
    """Train an evaluator, and write it atomically.

    Args:
        path: `.../<name>.safetensors`.
        images_NHWC, labels_N: (N, H, W, C) uint8 and (N,) from 0 to len(classes) - 1.
        classes: their names.
        test: pictures and labels to measure its accuracy on, never trained on.
        epochs: how often each picture is shown; by default as many as make 3,750 steps.
        rotate: the pictures have no up: mirror them and rotate them by quarter turns.
        device: where to train, in bfloat16 where it can. An evaluator runs on the CPU, in float32.
        report: gets a line after some of the epochs; see `reported_epochs`.

    Raises:
        ValueError: fewer than two classes, or labels out of range.
    """
    _check_labels(images_NHWC, labels_N, classes)
    height, width, channels = images_NHWC.shape[1:]
    steps = max(1, len(images_NHWC) // BATCH)
    epochs = epochs or max(1, round(STEPS / steps))
    digest = data_digest(images_NHWC, labels_N, classes)
    info = EvaluatorInfo(path.stem, height, width, channels, classes, digest, None)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Classifier(info).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        batches = _batches(images_NHWC, labels_N, epochs, rotate)
        _optimise(network, batches, epochs, steps, device, report)
    path.parent.mkdir(parents=True, exist_ok=True)
    evaluator = _write(path, info, network)
    return evaluator if test is None else _write(path, replace(info, test_accuracy=evaluator.accuracy(*test)), network)


def reported_epochs(epochs: int) -> set[int]:
    """The epochs that progress is reported after: the first, and each eighth of them. Small data have hundreds."""
    return {1, *(max(1, round(eighth * epochs / 8)) for eighth in range(1, 9))}


def _optimise(
    network: Classifier,
    batches: Iterator[tuple[Tensor, Tensor]],
    epochs: int,
    steps: int,
    device: torch.device,
    report: Callable[[str], object] | None,
) -> None:
    adam = torch.optim.AdamW(network.parameters(), weight_decay=0.02)
    reported = reported_epochs(epochs)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, PEAK_LEARNING_RATE, total_steps=epochs * steps)
    for step, (images_NCHW, labels_N) in enumerate(batches, start=1):
        with torch.autocast(device.type, torch.bfloat16, enabled=computes_bfloat16(device)):
            _, logits = network(images_NCHW.to(device))
        loss = F.cross_entropy(logits.float(), labels_N.to(device))
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
        if report and step % steps == 0 and step // steps in reported:
            report(f"training the evaluator: epoch {step // steps:,} of {epochs:,}, loss {loss.item():.4f}")


def _batches(
    images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64], epochs: int, rotate: bool
) -> Iterator[tuple[Tensor, Tensor]]:
    shift = max(1, min(images_NHWC.shape[1:3]) // 14)
    whole = max(1, len(images_NHWC) // BATCH) * BATCH
    for _ in range(epochs):
        for chosen in torch.randperm(len(images_NHWC))[:whole].split(BATCH):
            images, labels = (torch.from_numpy(array[chosen.numpy()]) for array in (images_NHWC, labels_N))
            yield _augmented(to_pixels(images), shift, rotate), labels


def _augmented(images_NCHW: Tensor, shift: int, rotate: bool) -> Tensor:
    """The pictures of a batch moved together: by up to `shift` pixels, and rotated and mirrored if they may be."""
    height, width = images_NCHW.shape[2:]
    down, right, quarters, mirrored = (int(torch.randint(n, ())) for n in (2 * shift + 1, 2 * shift + 1, 4, 2))
    padded = F.pad(images_NCHW, (shift,) * 4, mode="replicate")
    images_NCHW = padded[:, :, down : down + height, right : right + width]
    if not rotate:
        return images_NCHW
    images_NCHW = images_NCHW.flip(3) if mirrored else images_NCHW
    return images_NCHW.rot90(quarters if height == width else quarters // 2 * 2, (2, 3))


def _write(path: Path, info: EvaluatorInfo, network: Classifier) -> Evaluator:
    write_atomically(path, encode_evaluator(info, network))
    return load_evaluator(path)


def _wavelets(reason: str, report: Callable[[str], object] | None) -> WaveletEvaluator:
    if report:
        report(f"{reason}: evaluated by wavelets, which compare frequencies and not the content of pictures")
    return WaveletEvaluator()


def _shipped_for(real: RealPictures) -> Evaluator | None:
    shipped = [load_evaluator(path) for path in sorted(SHIPPED.glob("*.safetensors"))]
    kind = (*real.train.shape[1:], real.classes)
    return next((one for one in shipped if (*one.info.shape, one.class_names) == kind), None)


def _older_digest(real: RealPictures) -> str:
    """The digest that named an evaluator in `runs/judges`, until 2026-11: it is only read, never written."""
    digest = hashlib.sha256(repr((real.train.shape, real.classes)).encode())
    digest.update(np.ascontiguousarray(real.train).data)
    digest.update(np.ascontiguousarray(real.train_labels, np.int64).data)
    return digest.hexdigest()


def _check_labels(images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64], classes: tuple[str, ...]) -> None:
    if len(classes) < 2:
        raise ValueError(f"found {len(classes)} class, expected 2 or more: an evaluator learns to tell them apart")
    if labels_N.shape != images_NHWC.shape[:1] or labels_N.min() < 0 or labels_N.max() >= len(classes):
        raise ValueError(
            f"found {len(labels_N)} labels from {labels_N.min()} to {labels_N.max()}, "
            f"expected {len(images_NHWC)} from 0 to {len(classes) - 1}"
        )
