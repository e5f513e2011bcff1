"""`python -m service.encoders`: what each format costs on this machine, in pictures that the bundles draw.

    models -> runtime -> [encoders] -> a table

CPU time and bytes a picture, beside the CPU time of drawing it; the median of
several rounds in which the formats take turns, so that whatever else runs here
slows all of them alike.
"""

import argparse
import io
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from models.bundle import open_bundle
from models.runtime import Runtime
from models.sheet import as_picture
from service.address import Address
from service.encoders import encode_picture, encode_sheet, stream_of
from service.encoders.pictures import JPEG_QUALITY
from service.formats import Format

ROUNDS, SEED = 7, 7
_PILLOWS = {Format.PNG: {"compress_level": 1}, Format.JPEG: {"quality": JPEG_QUALITY, "subsampling": 0}}
BUNDLES = Path(__file__).parents[2] / "models"


def main() -> None:
    """Print a table for each bundle."""
    parser = argparse.ArgumentParser(prog="python -m service.encoders", description="What each format costs.")
    parser.add_argument("bundle", nargs="*", type=Path, default=[BUNDLES / "mnist", BUNDLES / "eurosat"])
    parser.add_argument("--n", type=int, default=256, help="pictures a round (default: %(default)s)")
    asked = parser.parse_args()
    for bundle in asked.bundle:
        _print_table(Runtime(open_bundle(bundle), threads=1), asked.n)


def _print_table(runtime: Runtime, n: int) -> None:
    card = runtime.card
    address = Address(card.name, card.version, SEED, 0, n, 1.0)
    images = runtime.generate(SEED, 0, n)
    ways: dict[str, Callable[[], int]] = {"drawn": lambda: runtime.generate(SEED, 0, n).nbytes}
    for one in Format:
        how = partial(_one_by_one, images, one) if one.is_one_picture else partial(_streamed, images, one, address)
        ways[one.value] = how
    for one in (Format.PNG, Format.JPEG):
        ways[f"{one}, a sheet"] = partial(_on_a_sheet, images, one)
        ways[f"{one} by Pillow"] = partial(_by_pillow, images, one)
    print(f"\n{card.name} {card.version}: {n} pictures of {images.shape[1:]}   us and bytes a picture")
    us = _measured(ways)
    for name, way in ways.items():
        print(f"  {name:14} {us[name] / n:9.1f} us {way() / n:9.0f} B")


def _measured(ways: dict[str, Callable[[], int]]) -> dict[str, float]:
    """CPU microseconds of each way, all threads of this process together."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            begin_s = time.process_time()
            way()
            found[name].append((time.process_time() - begin_s) * 1e6)
    return {name: median(times) for name, times in found.items()}


def _one_by_one(images_NHWC: NDArray[np.uint8], one: Format) -> int:
    return sum(len(encode_picture(pixels, one)) for pixels in images_NHWC)


def _on_a_sheet(images_NHWC: NDArray[np.uint8], one: Format) -> int:
    return len(encode_sheet(images_NHWC, one))


def _by_pillow(images_NHWC: NDArray[np.uint8], one: Format) -> int:
    """What is not used, for comparison."""
    file = io.BytesIO()
    for pixels in images_NHWC:
        as_picture(pixels).save(file, one.value, **_PILLOWS[one])
    return file.tell()


def _streamed(images_NHWC: NDArray[np.uint8], one: Format, address: Address) -> int:
    _, *shape = images_NHWC.shape
    stream = stream_of(one, address, (shape[0], shape[1], shape[2]))
    return len(stream.begin()) + len(stream.add(images_NHWC)) + len(stream.end())


if __name__ == "__main__":
    main()
