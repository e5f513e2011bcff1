"""An npy file is read by numpy."""

import io

import numpy as np
import pytest
from support.streamed import address, random_pictures, written

from service.encoders.arrays import NpyStream


@pytest.mark.parametrize("cut", [1, 4, 10])
def test_npy_is_read_by_numpy_and_is_as_long_as_it_promised(cut: int):
    images = random_pictures(10)
    stream = NpyStream(address(10), (6, 5, 3))
    data = written(stream, images, cut)

    assert len(data) == stream.length
    assert np.array_equal(np.load(io.BytesIO(data)), images)


def test_pieces_stay_as_they_are_when_the_array_is_used_again():
    images = random_pictures(2)
    piece = NpyStream(address(2), (6, 5, 3)).add(images)
    images[:] = 0

    assert piece == random_pictures(2).tobytes()
