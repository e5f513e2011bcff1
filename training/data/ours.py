"""What a run of ours wrote, told by what is in a folder: it is never read as pictures.

    a folder -> [ours] -> folders

`fit .` in a folder of pictures makes `runs/` and `models/` right there, full of
sheets and samples. Names alone do not tell: car models may lie in `models/`.
"""

import json
from pathlib import Path

_MARKS = (
    ("a bundle", ("card.json", "generator.onnx")),
    ("a cache of decoded pictures", ("facts.json", "train.npy")),
    ("a cache of decoded pictures", ("facts.json", "test.npy")),
    ("a comparison", ("table.md", "table.json", "report.html")),
)
_RUN = "config.json"
_LARGEST_CONFIG = 10_000_000


def kind_of_ours(folder: Path, names: frozenset[str] | None = None) -> str | None:
    """What of ours a folder is: a run, a bundle, a cache, a comparison; None of any other.

    Args:
        names: of the files in it, where they are known.
    """
    files = names if names is not None else _names_in(folder)
    for kind, marks in _MARKS:
        if files.issuperset(marks):
            return kind
    return "a run" if _RUN in files and _is_configuration(folder / _RUN) else None


def ours_around(path: Path) -> tuple[str, Path] | None:
    """What of ours a path leads into, links resolved, and where that is."""
    real = path.resolve()
    for folder in (real, *real.parents):
        if folder.is_dir() and (kind := kind_of_ours(folder)):
            return kind, folder
    return None


def _names_in(folder: Path) -> frozenset[str]:
    known = {name for _, marks in _MARKS for name in marks} | {_RUN}
    try:
        return frozenset(name for name in known if (folder / name).is_file())
    except OSError:
        return frozenset()


def _is_configuration(path: Path) -> bool:
    try:
        if path.stat().st_size > _LARGEST_CONFIG:
            return False
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and {"settings", "data"} <= found.keys() and "preset" in (found["settings"] or {})
