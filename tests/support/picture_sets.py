"""Picture sets that training must hold on, the same ones every time: synthetic ones, and small parts of real ones.

    python -m tests.support.picture_sets OUT [--data ../shared/data]

writes OUT/<set>/train and OUT/<set>/test, PNGs that `zoetrope compare OUT/<set>` reads; the parts of real sets only
where there is a folder of these. What they are for is in training/LOG.md. Each generator takes a random number
generator and a count, and returns (N, H, W, C) uint8.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from training.data.dataset import Pictures, open_pictures
from training.data.shape import Shape

Images = NDArray[np.uint8]
SIDE = 32


def ellipses(random: np.random.Generator, count: int) -> Images:
    """One bright filled ellipse on a dark ground, both of any colour."""
    images = []
    for _ in range(count):
        ground, ink = random.integers(0, 100, 3), random.integers(100, 256, 3)
        picture = Image.new("RGB", (SIDE, SIDE), tuple(int(level) for level in ground))
        (left, top), (width, height) = random.uniform(1, 15, 2), random.uniform(6, 16, 2)
        ImageDraw.Draw(picture).ellipse(
            [left, top, left + width, top + height], fill=tuple(int(level) for level in ink)
        )
        images.append(np.asarray(picture))
    return np.stack(images)


_PALETTE = ((214, 40, 40), (29, 53, 87), (247, 127, 0), (42, 157, 143), (20, 20, 20))


def drawings(random: np.random.Generator, count: int) -> Images:
    """A few flat shapes of five colours; what no shape covers is transparent."""
    images = []
    for _ in range(count):
        picture = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
        pen = ImageDraw.Draw(picture)
        for _ in range(random.integers(2, 5)):
            draw: Callable[..., None] = (pen.ellipse, pen.rectangle)[random.integers(2)]
            (left, top), (width, height) = random.integers(1, 18, 2), random.integers(5, 14, 2)
            ink = _PALETTE[random.integers(len(_PALETTE))]
            draw([int(left), int(top), int(left + width), int(top + height)], fill=(*ink, 255))
        images.append(np.asarray(picture))
    return np.stack(images)


def high_contrast(random: np.random.Generator, count: int) -> Images:
    """Stripes of any direction and width, every channel of every pixel 0 or 255."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    images = []
    for _ in range(count):
        angle, cycles, phase = random.uniform(0, np.pi), random.uniform(1, 4), random.uniform(0, 1, 3)
        along = cycles * (x * np.cos(angle) + y * np.sin(angle))
        images.append(np.where((along[..., None] + phase) % 1 < 0.5, 0, 255).astype(np.uint8))
    return np.stack(images)


def nearly_constant(random: np.random.Generator, count: int) -> Images:
    """Grey with a ramp of one or two levels: pixels of a deviation below 0.02 on the scale of -1 to 1."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    angles = random.uniform(0, 2 * np.pi, (count, 1, 1))
    ramps = 4 * (x * np.cos(angles) + y * np.sin(angles))
    return (128 + ramps).round().astype(np.uint8)[..., None]


SYNTHETIC: dict[str, tuple[Callable[[np.random.Generator, int], Images], int]] = {
    "ellipses": (ellipses, 600),
    "drawings": (drawings, 1000),
    "high-contrast": (high_contrast, 1000),
    "nearly-constant": (nearly_constant, 1000),
}
"""Name -> generator, and pictures of each of the two parts."""
REAL = {"mnist": 28, "cifar10": SIDE, "eurosat": SIDE, "clothes": SIDE}
"""Folder of real pictures -> side in pixels."""
PARTS_OF_REAL = (300, 2000)
TEST_PICTURES = 1000


def write_synthetic(out: Path) -> None:
    """Both parts of every synthetic set, from one seed."""
    for number, (name, (make, count)) in enumerate(SYNTHETIC.items()):
        images = make(np.random.default_rng(number), 2 * count)
        _write(out / name / "train", images[:count])
        _write(out / name / "test", images[count:])


def write_parts(out: Path, data: Path) -> None:
    """Parts of 300 and 2,000 of every real set, drawn by chance, with their classes; and clothes in grey."""
    for name, side in REAL.items():
        train, test = (open_pictures(str(data / name), Shape((side, side)), part) for part in ("train", "test"))
        for count in PARTS_OF_REAL:
            write_some(out / f"{name}-{count}" / "train", train, count)
            write_some(out / f"{name}-{count}" / "test", test, TEST_PICTURES)
    for part in ("train", "test"):
        grey = open_pictures(str(data / "clothes"), Shape((SIDE, SIDE), 1), part)
        write_some(out / "grey-clothes" / part, grey, len(grey.images))


def write_some(folder: Path, pictures: Pictures, count: int) -> None:
    """So many of the pictures, as PNGs in a folder for each class."""
    # By chance: evenly spaced pictures of a set whose classes take turns are all of a few classes.
    size = min(count, len(pictures.images))
    chosen = np.sort(np.random.default_rng(0).choice(len(pictures.images), size, replace=False))
    assert pictures.labels is not None
    assert pictures.classes is not None
    _write(folder, pictures.images[chosen], [pictures.classes[label] for label in pictures.labels[chosen]])


def _write(folder: Path, images: Images, classes: list[str] | None = None) -> None:
    for number, pixels in enumerate(images):
        path = folder / (classes[number] if classes else "") / f"{number:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, default=None)
    given = parser.parse_args()
    write_synthetic(given.out)
    if given.data is not None:
        write_parts(given.out, given.data)
