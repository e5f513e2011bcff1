"""Folders of pictures: which a client may name, and from which a model has learned.

    ZOETROPE_PICTURES, a name from a client -> [picture_folders] -> service (POST /runs), training.trainer
    runs/*/config.json, a card -------------^

What a client names, and every link in it, lies inside of one folder. The service
checks before it stores a request, and the trainer before it reads: a link may have
come in between. Reads names and configurations, no picture.
"""

import json
import os
from pathlib import Path
from typing import Any

BUILT_IN = "digits"
"""scikit-learn's digits, which need no folder."""
MOST_ENTRIES = 2_000_000
_FILES = frozenset({".zip", ".parquet"})


class NotInside(ValueError):
    """What is named is not inside of the folder, or a link in it is not; says which."""


def inside(root: Path, name: str) -> Path:
    """The real path of a folder or file of pictures, none of whose links leaves the root.

    Args:
        root: the folder that all pictures are in.
        name: a path relative to it.

    Raises:
        FileNotFoundError: it is not there.
        NotInside: it is not inside of the root, or a link in it leads out.
        OSError: a folder in it cannot be read.
    """
    if not name.isprintable() or Path(name).is_absolute() or ".." in Path(name).parts:
        raise NotInside(f"found {name!r}, expected a path inside of the folder of pictures, without '..'")
    real_root, path = root.resolve(strict=True), root / name
    if not path.exists():
        raise FileNotFoundError(f"{name}: found nothing in the folder of pictures, expected a folder or a zip file")
    real = path.resolve()
    if not real.is_relative_to(real_root):
        raise NotInside(f"{name}: found a link that leads out of the folder of pictures, expected one inside of it")
    if real.is_dir():
        _check_links(real, real_root)
    return real


def picture_folders(root: Path | None) -> list[str]:
    """Names that a person may choose from: the folders and files of pictures in the root, by name.

    Raises:
        OSError: the root cannot be read.
    """
    found = []
    if root is not None:
        with os.scandir(root) as entries:
            found = sorted(
                one.name
                for one in entries
                if one.name.isprintable()
                and not one.name.startswith(".")
                and (one.is_dir() or Path(one.name).suffix.lower() in _FILES)
            )
    return found if BUILT_IN in found else [BUILT_IN, *found]


def recorded_source(runs: Path, data_digest: str) -> str | None:
    """Where the pictures are that a model has learned from, as the latest run on them was begun with; None: unknown.

    Args:
        runs: the folder of runs.
        data_digest: of the training pictures, as the model's card has it.
    """
    configs = sorted(runs.glob("*/config.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for config in map(_configuration, configs):
        data = config.get("data")
        digests = [*config.get("data_digests", ()), data.get("digest") if isinstance(data, dict) else None]
        if data_digest in digests and isinstance(source := config.get("source"), str):
            return source
    return None


def _configuration(file: Path) -> dict[str, Any]:
    """A run's configuration; an empty one where the file is no run's."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _check_links(folder: Path, root: Path) -> None:
    """Look at every link below a folder, and below the folders that links lead to, each once."""
    waiting, seen, entries_seen = [folder], {folder}, 0
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                entries_seen += 1
                if entries_seen > MOST_ENTRIES:
                    raise NotInside(f"{folder.name}: found more than {MOST_ENTRIES:,} files, expected fewer")
                target = _target(entry, root)
                if target is not None and target not in seen:
                    seen.add(target)
                    waiting.append(target)


def _target(entry: "os.DirEntry[str]", root: Path) -> Path | None:
    """The folder that an entry is or leads to; None for a file.

    Raises:
        NotInside: it is a link that leads out.
    """
    if not entry.is_symlink():
        return Path(entry.path) if entry.is_dir() else None
    try:
        target = Path(entry.path).resolve()
    except (OSError, RuntimeError):  # a link to itself
        return None
    if not target.is_relative_to(root):
        raise NotInside(
            f"{entry.name}: found a link that leads out of the folder of pictures, expected links inside of it alone"
        )
    return target if target.is_dir() else None
