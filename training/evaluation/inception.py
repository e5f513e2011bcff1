"""The canonical Inception FID, where its weights are available.

    pictures, a file of weights -> torch-fidelity -> inception -> evaluate

For comparisons with papers, and only on the data that they used; the FD ratio
needs no Inception network. Nothing is ever downloaded: the user names a file of
weights.

Letters: N pictures    H, W, C of a picture, C is 1 or 3
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from training.errors import ExtraMissing

WEIGHTS_NAME = "weights-inception-2015-12-05-6726825d.pth"
WEIGHTS_DIGEST = "6726825d"
"""The first digits of the file's SHA-256; by convention its name ends in them."""


class _Rgb(Dataset[Tensor]):
    """Pictures as torch-fidelity takes them: (3, H, W) uint8, grey ones repeated."""

    def __init__(self, images_NHWC: NDArray[np.uint8]) -> None:
        self.images = np.broadcast_to(images_NHWC, (*images_NHWC.shape[:3], 3))

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(self.images[index].transpose(2, 0, 1)))


def inception_fid(
    images_NHWC: NDArray[np.uint8], real: NDArray[np.uint8] | Path, weights: Path, *, cuda: bool = False
) -> float:
    """FID of pictures to real ones, computed by torch-fidelity.

    Args:
        images_NHWC: generated pictures; papers draw 50,000.
        real: an array of pictures, or a folder of PNG files.
        weights: the file of Inception's weights that torch-fidelity publishes.
        cuda: compute on a GPU.

    Raises:
        ExtraMissing: torch-fidelity is not installed; says how.
        RuntimeError: torchvision, which it needs, was built for another torch.
        FileNotFoundError: there is no such file; says which one is expected.
        ValueError: the file holds other weights: its FID would not compare with anything.
    """
    _check_weights(weights)
    calculate_metrics = _torch_fidelity()
    scores = calculate_metrics(
        input1=_Rgb(images_NHWC),
        input2=str(real) if isinstance(real, Path) else _Rgb(real),
        fid=True,
        feature_extractor="inception-v3-compat",
        feature_extractor_weights_path=str(weights),
        cuda=cuda,
        cache=False,
        save_cpu_ram=True,  # no worker processes: the pictures are in memory
        verbose=False,
    )
    return float(scores["frechet_inception_distance"])


def _torch_fidelity() -> Callable[..., dict[str, float]]:
    try:
        from torch_fidelity import calculate_metrics
    except ModuleNotFoundError as error:
        raise ExtraMissing(f"{error}. The canonical FID needs torch-fidelity: install the extra [fidelity].") from None
    except RuntimeError as error:  # torchvision's, where it was built for another torch
        raise RuntimeError(
            f"found a torchvision that does not load ({error}), "
            f"expected the build of it for torch {torch.__version__}. Install that one."
        ) from error
    found: Callable[..., dict[str, float]] = calculate_metrics
    return found


def _check_weights(weights: Path) -> None:
    if not weights.is_file():
        raise FileNotFoundError(
            f"{weights}: no such file. Expected {WEIGHTS_NAME}, which torch-fidelity publishes with its releases; "
            "nothing is downloaded."
        )
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(WEIGHTS_DIGEST):
        raise ValueError(
            f"{weights}: found SHA-256 {digest[:8]}..., expected {WEIGHTS_DIGEST}... ({WEIGHTS_NAME}). "
            "Other weights give another distance, which does not compare with papers."
        )
    torch.load(weights, map_location="cpu", weights_only=True)  # refuses a pickle with more than tensors
