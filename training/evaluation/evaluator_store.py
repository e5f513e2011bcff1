"""The evaluator for a data set: a shipped one, one trained before, or one trained now.

    real pictures -> evaluator_store -> evaluator -> reference, evaluate

An evaluator that was trained on exactly these pictures comes first, then a
shipped one of their shape and classes (`reference` refuses it where it does not
recognise them), then wavelets, which the scores name. What planted controls score
is kept in the file of an evaluator: see `controls`.

Training goes in rounds of 250 steps, each with one cycle of the learning rate
[Smith2018], and stops when a round no longer lowers the loss on pictures that it
holds out of the training part. Pictures are shifted by a few
pixels and, where they have no up, rotated. It is deterministic on a CPU: the same
pictures, seed, machine and threads write the same file.

Letters: N pictures    H, W, C of a picture

Paper:
    [Smith2018]  Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates.  arXiv:1708.07120
"""

import copy
import hashlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.card import Card
from models.files import digest_of, write_atomically
from training.data.dataset import data_digest
from training.device import CPU, computes_bfloat16
from training.evaluation.controls import FEWEST_IMAGES, measure_controls
from training.evaluation.evaluator import (
    Classifier,
    Evaluator,
    EvaluatorInfo,
    encode_evaluator,
    held_out_pictures,
    load_evaluator,
    to_pixels,
)
from training.evaluation.faults import FAULTS, with_faults
from training.evaluation.imagenet import ImagenetEvaluator
from training.evaluation.reference import AnyEvaluator, RealPictures
from training.evaluation.wavelets import WaveletEvaluator

SHIPPED = Path(__file__).parent / "evaluators"
TRAINED = Path("runs/evaluators")
BATCH = 128
PEAK_LEARNING_RATE = 4e-3
ROUND_STEPS, ROUNDS = 250, 15
"""A training has 3,750 steps at most: 8 epochs of MNIST, or 20 of EuroSAT."""
ENOUGH = 0.9
"""A round that leaves more than this share of the held-out loss is the last one."""
FAULTS_WEIGHT = 10.0
"""Of the squared error of faults, whose mean is far below the cross-entropy of classes."""
FeaturesName = Literal["auto", "evaluator", "imagenet", "wavelets"]


def shipped_evaluator(name: str) -> Evaluator:
    """The shipped evaluator of this name: `mnist` or `eurosat`."""
    return load_evaluator(SHIPPED / f"{name}.safetensors")


def evaluator_of(card: Card, folder: Path = TRAINED) -> Evaluator:
    """The evaluator that scored a model, found by the digest in its card. It runs on one thread.

    Args:
        folder: of trained evaluators; the shipped ones are searched too.

    Raises:
        ValueError: the model was not scored, or by features that know no classes, or the evaluator is not here.
    """
    scores, files = card.scores, [*sorted(SHIPPED.glob("*.safetensors")), *sorted(folder.glob("*.safetensors"))]
    found = next((path for path in files if digest_of(path) == scores.evaluator_digest), None)
    if found is not None:
        torch.set_num_threads(1)  # another number of them may round otherwise, and other pictures would be taken
        return load_evaluator(found)
    if scores.evaluator is None:
        raise ValueError(f"{card.name} was not scored, so that it has no evaluator; `zoetrope evaluate` scores it")
    raise ValueError(
        f"{card.name} was scored by {scores.evaluator}, which is not among the evaluators here: found {len(files)} in "
        f"{SHIPPED} and {folder}. `zoetrope evaluate {card.name} PICTURES --fit` trains one"
    )


def find_evaluator(
    real: RealPictures,
    *,
    fit: bool = False,
    features: FeaturesName = "evaluator",
    device: torch.device = CPU,
    folder: Path = TRAINED,
    report: Callable[[str], object] | None = None,
) -> AnyEvaluator:
    """The evaluator for these pictures.

    Args:
        real: with labels and class names, or without.
        fit: train one, if none was trained on these pictures before, or only by a version that taught no faults.
        features: `imagenet` and `wavelets` take those; `evaluator` wavelets only where no evaluator is found;
            `auto` the same, and for pictures without labels ImageNet features where they are installed.
        device, report: see `train_evaluator`.
        folder: of trained evaluators; `judges` next to it, where older versions wrote, is read too.

    Raises:
        ValueError: `fit` without labels, or with features that need no training; no such features.
        ModuleNotFoundError: `imagenet`, which is not installed.
    """
    if features not in (choices := get_args(FeaturesName)):
        raise ValueError(f"found --features {features}, expected one of {', '.join(choices)}")
    if fit and features in ("imagenet", "wavelets"):
        raise ValueError(f"found --fit and --features {features}, which need no training. Leave one of them out.")
    if features == "wavelets":
        return WaveletEvaluator()
    if features == "imagenet":
        return ImagenetEvaluator()
    if real.train_labels is None or real.classes is None:
        if fit:
            raise ValueError("found pictures without labels, expected labels to train an evaluator. Leave out --fit.")
        if features == "auto" and (imagenet := _installed_imagenet(report)):
            return imagenet
        return _wavelets("these pictures have no labels (--features imagenet knows more)", report)
    path = folder / f"{data_digest(real.train, real.train_labels, real.classes)[:16]}.safetensors"
    for known in (path, folder.with_name("judges") / f"{_older_digest(real)[:16]}.safetensors"):
        if known.is_file():
            evaluator = load_evaluator(known)
            if evaluator.info.faults or not fit:  # one of an older version knows no faults, and may flatter
                return evaluator
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
    steps: int | None = None,
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
        steps: of one cycle in place of the rounds, where time matters less than accuracy; by default rounds until the
            loss on held-out pictures falls no more.
        rotate: the pictures have no up: mirror them and rotate them by quarter turns.
        device: where to train, in bfloat16 where it can. An evaluator runs on the CPU, in float32.
        report: gets a line after every round.

    Raises:
        ValueError: fewer than two classes, or labels out of range.
    """
    _check_labels(images_NHWC, labels_N, classes)
    height, width, channels = images_NHWC.shape[1:]
    digest = data_digest(images_NHWC, labels_N, classes)
    info = EvaluatorInfo(path.stem, height, width, channels, classes, digest, None, faults=FAULTS)
    held_out = held_out_pictures(len(images_NHWC))
    shown, held = ((images_NHWC[part], labels_N[part]) for part in (~held_out, held_out))
    rounds = [ROUND_STEPS] * ROUNDS if steps is None else [steps]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Classifier(info).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        loss = _optimise(network, _batches(*shown, rotate), rounds, held, report)
    info = replace(info, held_out=int(held_out.sum()), held_out_loss=loss)
    path.parent.mkdir(parents=True, exist_ok=True)
    evaluator = _write(path, info, network)
    if test is None:
        return evaluator
    info = replace(info, test_accuracy=evaluator.accuracy(*test))
    if min(held_out.sum(), len(test[0])) >= FEWEST_IMAGES:
        info = replace(info, controls=measure_controls(evaluator, shown[0], held[0], test[0]))
    return _write(path, info, network)


def _optimise(
    network: Classifier,
    batches: Iterator[tuple[Tensor, Tensor, Tensor]],
    rounds: Sequence[int],
    held: tuple[NDArray[np.uint8], NDArray[np.int64]],
    report: Callable[[str], object] | None,
) -> float | None:
    """Train for one round of steps after another, as long as each lowers the held-out loss; returns the lowest."""
    adam = torch.optim.AdamW(network.parameters(), weight_decay=0.02)
    best, weights, steps = math.inf, network.state_dict(), 0
    for count in rounds:
        _train_round(network, adam, itertools.islice(batches, count), count)
        steps += count
        found = _held_out_loss(network, *held)
        if report:
            loss = "" if found is None else f", loss {found:.4f} on {len(held[0]):,} held-out pictures"
            report(f"training the evaluator: {steps:,} steps of at most {sum(rounds):,}{loss}")
        if found is None:
            continue
        if found >= best:
            break
        enough = found > ENOUGH * best
        best, weights = found, copy.deepcopy(network.state_dict())
        if enough:
            break
    if best < math.inf:
        network.load_state_dict(weights)
    return best if best < math.inf else None


def _train_round(
    network: Classifier, adam: torch.optim.Optimizer, batches: Iterator[tuple[Tensor, Tensor, Tensor]], steps: int
) -> None:
    """One cycle of the learning rate [Smith2018], over so many steps."""
    device = next(network.parameters()).device
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, PEAK_LEARNING_RATE, total_steps=steps)
    network.train()
    for images_NCHW, labels_N, strengths_NF in batches:
        with torch.autocast(device.type, torch.bfloat16, enabled=computes_bfloat16(device)):
            _, found = network(images_NCHW.to(device))
        loss = _loss(found.float(), labels_N.to(device), strengths_NF.to(device))
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()


def _loss(found: Tensor, labels_N: Tensor, strengths_NF: Tensor) -> Tensor:
    """Cross-entropy of pictures without a fault, and squared error of the strengths of all."""
    whole = strengths_NF.sum(dim=1) == 0
    logits, measured = found[:, : -strengths_NF.shape[1]], found[:, -strengths_NF.shape[1] :]
    return F.cross_entropy(logits[whole], labels_N[whole]) + FAULTS_WEIGHT * F.mse_loss(measured, strengths_NF)


@torch.no_grad()
def _held_out_loss(network: Classifier, images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64]) -> float | None:
    """Mean cross-entropy of pictures that were not trained on; None without any."""
    if not len(images_NHWC):
        return None
    device, total = next(network.parameters()).device, 0.0
    network.eval()
    for start in range(0, len(images_NHWC), BATCH):
        images, labels = (torch.from_numpy(array[start : start + BATCH]) for array in (images_NHWC, labels_N))
        _, logits = network(to_pixels(images).to(device))
        total += float(F.cross_entropy(logits[:, :-FAULTS].float(), labels.to(device), reduction="sum"))
    return total / len(images_NHWC)


def _batches(
    images_NHWC: NDArray[np.uint8], labels_N: NDArray[np.int64], rotate: bool
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Batches of shuffled pictures, without end."""
    shift = max(1, min(images_NHWC.shape[1:3]) // 14)
    whole = max(1, len(images_NHWC) // BATCH) * BATCH
    while True:
        for chosen in torch.randperm(len(images_NHWC))[:whole].split(BATCH):
            images, labels = (torch.from_numpy(array[chosen.numpy()]) for array in (images_NHWC, labels_N))
            images_NCHW, strengths_NF = with_faults(_augmented(to_pixels(images), shift, rotate))
            yield images_NCHW, labels, strengths_NF


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


def _installed_imagenet(report: Callable[[str], object] | None) -> ImagenetEvaluator | None:
    try:
        evaluator = ImagenetEvaluator()
    except ModuleNotFoundError:
        return None
    if report:
        report(f"these pictures have no labels: evaluated by ImageNet features of {evaluator.name}")
    return evaluator


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
