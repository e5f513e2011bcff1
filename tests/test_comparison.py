"""A comparison is a table, a picture and a page, and the picture is exact."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.markup import read

from models.bundle import open_bundle
from models.scores import Scores
from training.comparison.comparison import strips, write_comparison
from training.comparison.table import Row
from training.evaluation.reference import RealPictures

REAL = RealPictures(np.zeros((20, 8, 8, 1), np.uint8), np.full((20, 8, 8, 1), 9, np.uint8))
SCORES = Scores(
    fd_ratio=2.0, fd_floor=0.5, images=20, evaluator="wavelets", images_per_s=10.0, images_per_s_on="a machine"
)


@pytest.fixture
def row(grey: Path) -> Row:
    bundle = open_bundle(grey)
    bundle = replace(bundle, card=bundle.card.model_copy(update={"scores": SCORES}))
    return Row("<i>grey</i>", "Noise & more.", bundle, np.zeros((12, 8, 8, 1), np.uint8), None)


def test_the_page_is_self_contained_and_has_the_table_and_the_picture(row: Row, tmp_path: Path):
    text, reader = read(write_comparison(tmp_path, "<some>", [row], REAL))

    assert "<h1>&lt;some&gt;: 1 way to learn to draw</h1>" in text
    assert "<td>&lt;i&gt;grey&lt;/i&gt;</td><td><b>2</b></td>" in text
    assert "Noise &amp; more." in text
    assert "20 pictures of each, drawn by its ONNX file and evaluated by wavelets." in text
    assert len(reader.sources) == 1
    assert all(source.startswith("data:image/webp;base64,") for source in reader.sources)
    assert not re.search(r"https?://|@import|url\(", text)


def test_the_table_is_for_programs_too(row: Row, tmp_path: Path):
    write_comparison(tmp_path, "some", [row], REAL)
    found = json.loads((tmp_path / "table.json").read_text())

    assert (found["data"], found["evaluator"], found["images"], found["fd_floor"]) == ("some", "wavelets", 20, 0.5)
    assert found["addresses"] == {"seed": 0, "start": 0, "n": 12}
    assert [(one["name"], one["fd_ratio"]) for one in found["rows"]] == [("<i>grey</i>", 2.0)]
    assert found["real"]["fd_ratio"] == 1


def test_reconstructions_are_shown_below_the_real_pictures(row: Row, tmp_path: Path):
    reconstructed = replace(row, reconstructed=np.full((12, 8, 8, 1), 77, np.uint8))
    text, _ = read(write_comparison(tmp_path, "some", [row, replace(reconstructed, name="second")], REAL))
    with Image.open(tmp_path / "reconstructions.png") as picture:
        pixels = np.asarray(picture)

    assert "<h2>Reconstructions</h2>" in text
    assert pixels[10, -10].tolist() == [9, 9, 9]
    assert pixels[-10, -10].tolist() == [77, 77, 77]


def test_a_picture_of_an_earlier_comparison_is_removed(row: Row, tmp_path: Path):
    write_comparison(tmp_path, "some", [replace(row, reconstructed=row.drawn)], REAL)
    write_comparison(tmp_path, "some", [row], REAL)

    assert not (tmp_path / "reconstructions.png").exists()


def some(count: int, side: int, channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, channels), np.uint8)


@pytest.mark.parametrize(("side", "channels", "times"), [(8, 1, 10), (28, 1, 3), (64, 3, 1), (200, 3, 1)])
def test_pictures_are_enlarged_pixel_by_pixel_and_in_order(side: int, channels: int, times: int):
    rows = {"one": some(3, side, channels), "two": some(3, side, channels, 1)}
    pixels = np.asarray(strips(rows))

    pitch = side * times + 6
    left = pixels.shape[1] - 3 * pitch
    for row, images in enumerate(rows.values()):
        for column, image in enumerate(images):
            corner = pixels[6 + row * pitch :, left + column * pitch :]
            shown = corner[: side * times : times, : side * times : times]
            assert np.array_equal(shown, np.broadcast_to(image, (side, side, 3)))
            assert np.array_equal(corner[:times, :times], np.broadcast_to(image[0, 0], (times, times, 3)))


def test_every_row_has_its_name_at_the_left():
    short, long = (np.asarray(strips({name: some(1, 28, 1)})) for name in ("a", "a much longer name"))

    assert long.shape[1] > short.shape[1] + 50
    assert short[:, : short.shape[1] - 90].max() > 200
