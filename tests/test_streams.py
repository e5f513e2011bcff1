"""Each format that is made piece by piece: its own stream, and nothing shared between streams."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support.streamed import address, random_pictures, written

from service.encoders import stream_of
from service.encoders.archive import ZipStream
from service.encoders.arrays import NpyStream
from service.encoders.objects import JsonStream
from service.formats import Format

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
