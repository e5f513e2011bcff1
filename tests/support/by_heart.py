"""A model that has learned 1,000 pictures by heart on purpose: what the attack for membership sees of it.

    nice python -m tests.support.by_heart OUT --data ../shared/data/clothes

A GAN takes long to: one of 150 digits, augmented, drew new ones after 400 times each (training/LOG.md). So the
generator of our GANs gets a class for each picture here, and learns by squares to draw that picture, whatever the
code. It is written as a bundle, OUT/by-heart, and evaluated as any other is by `zoetrope evaluate`.

A checkpoint is written every minute, so it may be stopped at any moment and goes on with the same line.
"""

import argparse
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor

import training
from models.bundle_writer import write_bundle
from models.files import write_atomically
from training.config import preset_named
from training.data.dataset import Pictures, open_pictures
from training.data.shape import Shape
from training.exporter.graphs import generator_graph
from training.networks.gan import Generator
from training.networks.geometry import Geometry
from training.pixels import from_bytes

PICTURES, BATCH, RATE, CHECKPOINT_SECONDS = 1_000, 50, 2e-3, 60
SETTINGS = preset_named("tiny").with_changes(code_size=8, precision="float32")


def choose_pictures(data: Path, out: Path) -> Path:
    """A folder of evenly chosen training pictures, and of all test pictures, in parts and without classes."""
    for part, most in (("train", PICTURES), ("test", None)):
        found = sorted((data / part).rglob("*.jpg"))
        chosen = found if most is None else [found[at * len(found) // most] for at in range(most)]
        (out / part).mkdir(parents=True, exist_ok=True)
        for number, path in enumerate(chosen):
            if not (copied := out / part / f"{number:04}.jpg").exists():
                shutil.copyfile(path, copied)
    return out


def learn_by_heart(pictures: Pictures, checkpoint: Path, epochs: int) -> tuple[Generator, Geometry]:
    """A generator whose class k is picture k, from where the checkpoint stands."""
    count, *shape = pictures.images.shape
    geometry = Geometry(*shape, SETTINGS.patch_pixels, count)
    torch.manual_seed(0)
    generator = Generator(SETTINGS, geometry)
    stored = load_file(checkpoint) if checkpoint.exists() else {}
    first = int(stored.pop("epoch", torch.tensor(0)))
    generator.load_state_dict(stored or generator.state_dict())
    adam = torch.optim.Adam(generator.parameters(), RATE)  # its moments are found again within an epoch
    pixels, saved_s = from_bytes(torch.from_numpy(pictures.images).permute(0, 3, 1, 2)), time.monotonic()
    for epoch in range(first, epochs):
        adam.param_groups[0]["lr"] = RATE * (1 - epoch / epochs)
        loss = _epoch(generator, adam, pixels)
        if epoch + 1 == epochs or time.monotonic() - saved_s > CHECKPOINT_SECONDS:
            state = {**generator.state_dict(), "epoch": torch.tensor(epoch + 1)}
            write_atomically(checkpoint, save({name: one.contiguous() for name, one in state.items()}))
            print(f"{epoch + 1} of {epochs} epochs, error {loss**0.5 * 127.5:.1f} levels", flush=True)
            saved_s = time.monotonic()
    return generator.eval(), geometry


def _epoch(generator: Generator, adam: torch.optim.Adam, pixels_NCHW: Tensor) -> float:
    losses = []
    for chosen in torch.randperm(len(pixels_NCHW)).split(BATCH):
        drawn = generator(torch.randn(len(chosen), generator.code_size), chosen)
        loss = (drawn - pixels_NCHW[chosen]).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="the folder of clothes, with train and test in it")
    parser.add_argument("--size", type=int, default=32, help="pixels a side")
    parser.add_argument("--epochs", type=int, default=200, help="how often each picture is shown")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    folder = choose_pictures(given.data, given.out / "pictures")
    pictures = open_pictures(str(folder), Shape((given.size, given.size)), classes=False, cache=None)
    name = f"{given.size}-{given.epochs}.safetensors"
    generator, geometry = learn_by_heart(pictures, given.out / name, given.epochs)
    facts = {
        "method": "gan",
        "image": {"height": geometry.height, "width": geometry.width, "channels": geometry.channels},
        "code_size": generator.code_size,
        "classes": tuple({"name": str(number), "count": 1} for number in range(geometry.classes)),
        "training": {
            "preset": "tiny",
            "data": "by-heart",
            "data_digest": pictures.digest,
            "data_images": geometry.classes,
            "images_shown": given.epochs * geometry.classes,
            "seconds": 0.0,
            "seed": 0,
            "options": {key: list(one) if isinstance(one, tuple) else one for key, one in asdict(SETTINGS).items()},
        },
    }
    graph = generator_graph(generator, geometry)
    bundle = write_bundle(given.out / "by-heart", facts, {"generator.onnx": graph, "samples.png": b"none"})
    scores = training.evaluate(bundle.path, folder, threads=1)
    print(
        f"FD ratio {scores.fd_ratio:.3g}, nearest ratio {scores.nearest_ratio:.3g}, near share {scores.near_share:.1%}"
    )
    print(scores.leaks.sentence)


if __name__ == "__main__":
    main()
