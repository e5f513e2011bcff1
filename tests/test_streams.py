"""Streamed formats: numpy reads the npy, the standard library the JSON; streams share no state."""

import base64
import io
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support.streamed import address, opened, random_pictures, written

from service.encoders import stream_of
from service.encoders.png import encode_pngs
from service.encoders.streams import JsonStream, NpyStream
from service.encoders.zip_stream import ZipStream
from service.formats import Format
from service.latents import ExplicitCodes, LatentSource

KINDS = {Format.ZIP: ZipStream, Format.NPY: NpyStream, Format.JSON: JsonStream}


@pytest.mark.parametrize(("chosen", "kind"), KINDS.items())
def test_each_format_has_its_stream(chosen: Format, kind: type):
    assert type(stream_of(chosen, address(1), (6, 5, 3))) is kind


@pytest.mark.parametrize("chosen", KINDS)
def test_the_same_pictures_make_the_same_bytes_however_they_are_cut(chosen: Format):
    whole, *parts = (written(stream_of(chosen, address(10), (6, 5, 3)), random_pictures(10), cut) for cut in (10, 1, 3))

    assert parts == [whole, whole]


@pytest.mark.parametrize("chosen", KINDS)
def test_threads_that_write_at_once_do_not_disturb_each_other(chosen: Format):
    sets = [np.random.default_rng(seed).integers(0, 256, (40, 20, 20, 3), np.uint8) for seed in range(8)]

    def write(images: np.ndarray) -> bytes:
        return written(stream_of(chosen, address(40), (20, 20, 3)), images, 7)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(write, sets)) == [write(images) for images in sets]


@pytest.mark.parametrize("cut", [1, 4, 10])
def test_npy_is_read_by_numpy_and_is_as_long_as_it_promised(cut: int):
    images = random_pictures(10)
    stream = NpyStream(address(10), (6, 5, 3))
    data = written(stream, images, cut)

    assert len(data) == stream.length
    assert np.array_equal(np.load(io.BytesIO(data)), images)


def test_npy_pieces_stay_as_they_are_when_the_array_is_used_again():
    images = random_pictures(2)
    piece = NpyStream(address(2), (6, 5, 3)).add(images)
    images[:] = 0

    assert piece == random_pictures(2).tobytes()


def codes(n: int, labels: np.ndarray | None = None) -> ExplicitCodes:
    return ExplicitCodes("m", "0" * 16, np.zeros((n, 2), np.float32), labels, ('a "b"', "\\ü\n"))


@pytest.mark.parametrize("cut", [1, 4, 10])
def test_json_gives_each_picture_with_its_own_address(cut: int):
    images = random_pictures(10)
    answer = json.loads(written(JsonStream(address(10, start=7)), images, cut))

    assert (answer["model"], answer["version"], answer["seed"]) == ("m", "0" * 16, 2**64 - 1)
    assert [one["index"] for one in answer["images"]] == list(range(7, 17))
    assert {(one["seed"], one["truncation"]) for one in answer["images"]} == {(2**64 - 1, 0.5)}
    assert all(
        np.array_equal(opened(base64.b64decode(one["png"])), image)
        for one, image in zip(answer["images"], images, strict=True)
    )


@pytest.mark.parametrize(
    "asked", [address(10), codes(10), codes(10, np.arange(10) % 2)], ids=["address", "codes", "classes"]
)
@pytest.mark.parametrize("cut", [1, 4, 10])
def test_json_is_what_the_standard_library_would_write(asked: LatentSource, cut: int):
    images = random_pictures(10)
    pngs = [base64.b64encode(png).decode() for png in encode_pngs(images)]
    expected = {**asked.metadata(), "images": [{**asked.metadata_of(at), "png": png} for at, png in enumerate(pngs)]}

    assert written(JsonStream(asked), images, cut) == json.dumps(expected).encode()
