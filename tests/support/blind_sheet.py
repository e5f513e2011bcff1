"""Sheets by which people tell whether drawn pictures are recognised: ours among real ones, and nothing says which.

    python -m tests.support.blind_sheet OUT BUNDLE PICTURES               # sheet-1.png ... and key.json
    python -m tests.support.blind_sheet OUT --answers reader-a.txt ...    # shares of both, by reader

The first 64 pictures of seed 0, of classes as often as in training, and 64 real ones of the test part in the same
classes, shuffled, enlarged alike, 32 to a sheet with numbers.
A reader sees the sheets and the names of the classes, and writes a line `NUMBER CLASS` for each.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from models.bundle import open_bundle
from models.runtime import Runtime
from training.data.dataset import open_pictures
from training.data.shape import Shape

OF_EACH, A_SHEET, COLUMNS, SIDE_PIXELS, CAPTION_PIXELS = 64, 32, 8, 160, 16


def write_sheets(out: Path, bundle: Path, pictures: str, seed: int) -> None:
    """Draw, choose real ones of the same classes, shuffle, and write sheets and the key."""
    runtime = Runtime(open_bundle(bundle), threads=1, warm_all=False)
    names, image = list(runtime.class_names), runtime.card.image
    real = open_pictures(pictures, Shape((image.height, image.width), image.channels), "test")
    assert real.labels is not None
    assert list(real.classes or ()) == names, f"{pictures} has other classes than {bundle}"
    random = np.random.default_rng(seed)
    labels_N = runtime.labels(0, 0, OF_EACH)
    assert labels_N is not None
    drawn = runtime.generate(0, 0, OF_EACH)
    chosen = [random.permutation(np.flatnonzero(real.labels == label)) for label in range(len(names))]
    taken = [chosen[label][np.sum(labels_N[:at] == label) % len(chosen[label])] for at, label in enumerate(labels_N)]
    order = random.permutation(2 * OF_EACH)
    images, classes = np.concatenate([drawn, real.images[taken]])[order], np.concatenate([labels_N, labels_N])[order]
    key = [{"real": bool(at >= OF_EACH), "class": names[label]} for at, label in zip(order, classes, strict=True)]
    out.mkdir(parents=True, exist_ok=True)
    (out / "key.json").write_text(json.dumps({"classes": names, "key": key}))
    for first in range(0, len(images), A_SHEET):
        sheet(images[first : first + A_SHEET], first + 1).save(out / f"sheet-{first // A_SHEET + 1}.png")


def sheet(images_NHWC: NDArray[np.uint8], first: int) -> Image.Image:
    """Pictures with their numbers above them."""
    rows = -(-len(images_NHWC) // COLUMNS)
    found = Image.new("RGB", (COLUMNS * (SIDE_PIXELS + 8), rows * (SIDE_PIXELS + CAPTION_PIXELS + 8)), "white")
    pen = ImageDraw.Draw(found)
    for at, pixels in enumerate(images_NHWC):
        left, top = at % COLUMNS * (SIDE_PIXELS + 8), at // COLUMNS * (SIDE_PIXELS + CAPTION_PIXELS + 8)
        pen.text((left, top), str(first + at), fill="black")
        picture = (
            Image.fromarray(pixels.squeeze())
            .convert("RGB")
            .resize((SIDE_PIXELS, SIDE_PIXELS), Image.Resampling.LANCZOS)
        )
        found.paste(picture, (left, top + CAPTION_PIXELS))
    return found


def report(out: Path, answers: list[Path]) -> None:
    """Print what share of ours and of the real ones each reader named rightly, and by class."""
    known = json.loads((out / "key.json").read_text())
    shares = []
    for path in answers:
        lines = [line.split(maxsplit=1) for line in path.read_text().splitlines() if line.strip()]
        given = {int(number): name.strip() for number, name in lines}
        right: dict[bool, list[bool]] = {True: [], False: []}
        by_class: dict[str, list[bool]] = {}
        for number, one in enumerate(known["key"], 1):
            is_right = given.get(number) == one["class"]
            right[one["real"]].append(is_right)
            if not one["real"]:
                by_class.setdefault(one["class"], []).append(is_right)
        ours, real = (sum(right[kind]) / len(right[kind]) for kind in (False, True))
        shares.append((ours, real))
        print(f"{path.stem}: ours {ours:.1%}, real {real:.1%}, ratio {ours / real:.2f}")
        print("   " + ", ".join(f"{name} {sum(found)}/{len(found)}" for name, found in sorted(by_class.items())))
    ours, real = np.mean(shares, axis=0)
    print(f"mean: ours {ours:.1%}, real {real:.1%}, ratio {ours / real:.2f}")


def main() -> None:
    """Write sheets, or report answers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("bundle", type=Path, nargs="?")
    parser.add_argument("pictures", nargs="?")
    parser.add_argument("--answers", type=Path, nargs="+")
    parser.add_argument("--seed", type=int, default=0, help="of the order, and of the real pictures that are chosen")
    given = parser.parse_args()
    if given.answers:
        report(given.out, given.answers)
    else:
        write_sheets(given.out, given.bundle, given.pictures, given.seed)


if __name__ == "__main__":
    main()
