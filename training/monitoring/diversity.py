"""How different the pictures of a sheet are, measured by as many of the data.

    drawing -> [diversity] -> loop (a figure in the log) -> doctor

The losses of a GAN do not tell a generator that draws everything from one that
draws the same few pictures again and again; this figure does. Knows pixels only:
noise is diverse too, and vague pictures are less diverse than sharp ones.

Letters: N pictures    H, W height and width in pixels    C channels
"""

import numpy as np
from numpy.typing import NDArray


def evenly_spaced(length: int, count: int) -> NDArray[np.int64]:
    """Up to `count` places in a list of this length: of data that are sorted by class, all classes."""
    return np.linspace(0, length - 1, min(count, length)).round().astype(np.int64)


def nearest_distance(images_NHWC: NDArray[np.uint8]) -> float:
    """How far a picture is from the one that is most like it, in the mean over N >= 2 pictures.

    Returns:
        Root mean square over pixels, in levels of 255. 0 where each picture has a double.
    """
    # Whole numbers in float64: exact, so that a double is at no distance.
    pixels_NP = images_NHWC.reshape(len(images_NHWC), -1).astype(np.float64)
    squares_N = np.square(pixels_NP).sum(axis=1)
    distances_NN = squares_N[:, None] + squares_N - 2 * pixels_NP @ pixels_NP.T
    np.fill_diagonal(distances_NN, np.inf)
    return float(np.sqrt(distances_NN.min(axis=1) / pixels_NP.shape[1]).mean())


def diversity(drawn_NHWC: NDArray[np.uint8], real_NHWC: NDArray[np.uint8]) -> float | None:
    """Nearest distance among drawn pictures, relative to that among as many real ones.

    Args:
        drawn_NHWC: N at least as many as real ones; the first of them are taken, since more pictures lie closer.

    Returns:
        1 as diverse as the data; 0 the same picture again and again. None where the data are no measure: fewer than
        two pictures, or doubles only.
    """
    if len(real_NHWC) < 2 or not (real := nearest_distance(real_NHWC)):
        return None
    return nearest_distance(drawn_NHWC[: len(real_NHWC)]) / real
