"""What a path is, and which of its files are the part that is asked for.

    a path on the command line -> [sources] (folders, parquet, idx, digits) -> reading

Told by looking at the path; what the files hold is the business of each kind.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.folders import folder_source, zip_source
from training.data.idx import idx_source, is_idx
from training.data.kinds import Arrays, Encoded
from training.data.parquet import parquet_source
from training.data.stacked import PREFIX

BUILT_IN = "digits"
"""scikit-learn's handwritten digits."""
_TEST_WORDS = ("test", "t10k", "validation")
"""In the name of an idx or parquet file; the first of them that any file has is the test part."""


def check_source(source: str) -> None:
    """Refuse a path that is not there, before anything is loaded that takes time.

    Raises:
        FileNotFoundError: there is no such file or folder.
    """
    path = source.removeprefix(PREFIX)
    if path != BUILT_IN and not Path(path).exists():
        raise FileNotFoundError(f"{path}: no such file or folder. Expected pictures there, or the word {BUILT_IN}.")


def find_source(source: str, part: str, with_classes: bool) -> Arrays | Encoded:
    """Look at a path.

    Args:
        source: a folder or zip of pictures; an idx or parquet file, or a folder of them; or `digits`.
        part: `train` or `test`, where the source says which is which; otherwise all pictures are given.
        with_classes: look for labels as well.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: what is there is no data set; says what was found and what was expected.
    """
    path = Path(source)
    check_source(source)
    if source == BUILT_IN and not path.exists():
        return _digits(with_classes)
    if idx := _of_kind(path, is_idx):
        files, is_part = files_of_part(idx, part)
        return replace(idx_source(files, idx, with_classes), is_part=is_part)
    if parquet := _of_kind(path, lambda file: file.suffix == ".parquet"):
        files, is_part = files_of_part(parquet, part)
        return replace(parquet_source(files, parquet, with_classes), is_part=is_part)
    if path.is_dir():
        return folder_source(path, part, with_classes)
    if path.suffix == ".zip":
        return zip_source(path, part, with_classes)
    raise ValueError(f"{source}: found a file, expected a folder, a .zip, a .parquet or an idx file of pictures")


def files_of_part(files: list[Path], part: str) -> tuple[list[Path], bool]:
    """The files of a part, and whether their names say so; all of them where no name does.

    `train` is what is called so, and where nothing is, all that is not called test or validation.
    """

    def called(word: str) -> list[Path]:
        return [file for file in files if word in re.split(r"[^a-z0-9]+", file.name.lower())]

    for_test = [file for word in _TEST_WORDS for file in called(word)]
    to_train = called("train") or [file for file in files if file not in for_test]
    if not for_test or not to_train:
        return to_train or files, False
    return (to_train if part == "train" else next(found for word in _TEST_WORDS if (found := called(word)))), True


def digits() -> NDArray[np.uint8]:
    """scikit-learn's 1,797 handwritten digits, (N, 8, 8, 1) uint8; comes with the package, no download."""
    from sklearn.datasets import load_digits

    levels_0_to_16 = load_digits().images
    return (levels_0_to_16 * (255 / 16)).round().astype(np.uint8)[..., None]


def _digits(with_classes: bool) -> Arrays:
    from sklearn.datasets import load_digits

    if not with_classes:
        return Arrays(digits())
    return Arrays(digits(), load_digits().target.astype(np.int64), tuple("0123456789"))


def _of_kind(path: Path, is_kind: Callable[[Path], bool]) -> list[Path]:
    """The files of a kind at this path: itself, or in this folder; one that lies there packed as well only once."""
    if path.is_file():
        return [path] if is_kind(path) else []
    files = sorted(file for file in path.iterdir() if file.is_file() and is_kind(file))
    return [file for file in files if file.suffix != ".gz" or file.with_suffix("") not in files]
