"""A model as a folder: written whole or not at all, opened unaltered or not at all.

    files, card -> bundle -> runtime

Files of a bundle: `card.json`, `generator.onnx`, `samples.png`; where the method
has one `encoder.onnx`, where people graded it `reward.onnx`; and, for training
to go on from, `weights.safetensors`. The card holds the SHA-256 of each, each is
checked at every opening, and the bytes of a graph that were hashed are the bytes
that an engine loads. This file knows folders and digests, and nothing of what
the files mean.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from models.card import FORMAT, Card, Compute, Fidelity, ReducedPrecision, Scores, upgrade, version_of
from models.errors import BundleDamaged, BundleMissing, BundleTooNew
from models.files import digest_of, sync_folder, write_atomically, write_synced

CARD, GENERATOR, SAMPLES, WEIGHTS = "card.json", "generator.onnx", "samples.png", "weights.safetensors"
ENCODER, REWARD = "encoder.onnx", "reward.onnx"
REQUIRED = (GENERATOR, SAMPLES)
_GRAPHS = (GENERATOR, ENCODER, REWARD)


@dataclass(frozen=True)
class Bundle:
    """A model on disk whose every file was found to be the one that was written, with the bytes of its graphs."""

    path: Path
    card: Card
    generator: bytes
    """The ONNX graph: z float32 (N, Z) [and label int64 (N,)] -> images uint8 (N, H, W, C)."""
    encoder: bytes | None = None
    """The ONNX graph back: images [and label] -> z; None where the method has none."""
    reward: bytes | None = None
    """The ONNX graph of the reward model: images [and label] -> grade, deviation; None where there are no grades."""


def find_bundle(name_or_path: str | Path, folder: Path | None = None) -> Path:
    """The folder of a model that is named by its path, or by its name in `$ZOETROPE_MODELS`, by default `models`.

    Args:
        folder: where names are looked up instead.

    Raises:
        BundleMissing: there is neither.
    """
    path = Path(name_or_path)
    if path.is_dir() and (path / CARD).is_file():
        return path.resolve() if path.name in ("", ".", "..") else path
    folder = folder or Path(os.environ.get("ZOETROPE_MODELS", "models"))
    if path.name == str(name_or_path) and (folder / path / CARD).is_file():
        return folder / path
    names = ", ".join(one.name for one in bundle_folders(folder)) if folder.is_dir() else ""
    raise BundleMissing(
        path,
        found="no bundle",
        expected=f"a folder with a {CARD}, or a name in {folder}" + (f": {names}" if names else ""),
    )


def read_card(path: Path) -> Card:
    """The card of a bundle alone, validated; no digest of another file is checked, so this is quick.

    Raises:
        BundleMissing, BundleDamaged, BundleTooNew: naming the file, what was found and what was expected.
    """
    if not path.is_dir():
        raise BundleMissing(path, found="no such folder", expected=f"a folder with a {CARD}")
    card = _parse_card(path / CARD)
    if path.name not in (card.name, f"{card.name}@{card.version}"):
        raise BundleDamaged(
            path, found=f"a card named {card.name!r}, version {card.version}", expected=f"a card named {path.name!r}"
        )
    for name in REQUIRED:
        if name not in card.files:
            raise BundleDamaged(path / CARD, found=f"no digest of {name}", expected="one in `files`")
    version = version_of(card.files[GENERATOR], card.classes)
    if version != card.version:
        raise BundleDamaged(path / CARD, found=f"version {card.version}", expected=f"{version} for these files")
    return card


def open_bundle(path: Path) -> Bundle:
    """Open a bundle after checking all of it.

    Raises:
        BundleMissing, BundleDamaged, BundleTooNew: naming the file, what was found and what was expected.
    """
    card = read_card(path)
    graphs = {name: _checked_file(path / name, expected) for name, expected in card.files.items()}
    return Bundle(path, card, graphs[GENERATOR] or b"", graphs.get(ENCODER), graphs.get(REWARD))


def bundle_folders(folder: Path) -> list[Path]:
    """Every folder in a folder that should be a bundle, by name.

    Not those that are half written (`.name...`), nor folders of code: caches and packages.

    Raises:
        OSError: there is no such folder.
    """
    return sorted(
        path
        for path in folder.iterdir()
        if path.name[0] not in "._" and path.is_dir() and not (path / "__init__.py").exists()
    )


def list_bundles(folder: Path) -> list[Path]:
    """The folders of all bundles in a folder, those of older versions (`<name>@<version>`) too, by name; opens none.

    Raises:
        BundleMissing: the folder is not there, holds no bundle, or older versions of one without the current one.
    """
    if not folder.is_dir():
        raise BundleMissing(
            folder,
            found="no such folder",
            expected="a folder of bundles",
            advice="Set ZOETROPE_MODELS to one, or train a model: zoetrope fit PICTURES --out models/NAME",
        )
    paths = bundle_folders(folder)
    if not paths:
        raise BundleMissing(
            folder,
            found="no bundle",
            expected="at least one",
            advice="Train one: zoetrope fit PICTURES --out models/NAME",
        )
    for path in paths:
        current = path.with_name(path.name.split("@")[0])
        if current not in paths:
            raise BundleMissing(
                current,
                found=f"only {path.name}",
                expected="the current version next to it",
                advice=f"Rename {path.name} to {current.name}, or export the run again.",
            )
    return paths


def open_all(folder: Path) -> list[Bundle]:
    """Open every bundle of `list_bundles`, in its order; raises what it and `open_bundle` raise."""
    return [open_bundle(path) for path in list_bundles(folder)]


def write_bundle(path: Path, facts: Mapping[str, Any], contents: Mapping[str, bytes]) -> Bundle:
    """Write a bundle to a temporary folder, flush it to disk and rename it.

    A bundle of another version that is already there stays, as `<name>@<version>`. One of the same version is replaced
    and leaves its scores, unless the facts bring new ones: they are of the same pictures.

    Args:
        path: `.../<name>`; the folder above it is made if need be.
        facts: what the card says, except for `name`, `version` and `files`, which follow from the rest.
        contents: file name -> bytes; `generator.onnx` and `samples.png` at least.

    Raises:
        ValueError: the facts do not make a card (pydantic's words), or a required file is not given.
    """
    if missing := [name for name in REQUIRED if name not in contents]:
        raise ValueError(f"a bundle needs {', '.join(missing)}")
    files = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    draft = Card(name=path.name, version="0" * 16, files=files, **facts)
    version = version_of(files[GENERATOR], draft.classes)
    card = draft.model_copy(update={"version": version, "scores": _scores_to_keep(path, version, draft.scores)})

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.writing-{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    for name, data in {**contents, CARD: _encode_card(card)}.items():
        write_synced(temporary / name, data)
    sync_folder(temporary)
    _put_in_place(temporary, path, card.version)
    sync_folder(path.parent)
    return open_bundle(path)


def _scores_to_keep(path: Path, version: str, scores: Scores) -> Scores:
    if scores != Scores() or not (path / CARD).exists():
        return scores
    replaced = read_card(path)
    return replaced.scores if replaced.version == version else scores


def write_scores(path: Path, scores: Scores) -> Bundle:
    """Replace the scores in a bundle's card, atomically. Pictures and version stay what they are.

    Raises:
        BundleError: the bundle is not whole and unaltered; nothing is written then.
    """
    return _rewrite_card(path, scores=scores)


def write_fidelity(path: Path, fidelity: Mapping[ReducedPrecision, Fidelity], compute: Compute | None) -> Bundle:
    """Replace what the engine rule reads in a bundle's card, atomically. Pictures and version stay what they are.

    Raises:
        BundleError: the bundle is not whole and unaltered; nothing is written then.
    """
    return _rewrite_card(path, fidelity=dict(fidelity), compute=compute)


def _rewrite_card(path: Path, **changes: object) -> Bundle:
    card = open_bundle(path).card.model_copy(update=changes)
    write_atomically(path / CARD, _encode_card(card))
    return open_bundle(path)


def _put_in_place(temporary: Path, path: Path, version: str) -> None:
    if not path.exists():
        temporary.rename(path)
        return
    old_version = _parse_card(path / CARD).version
    aside = path.with_name(f"{path.name}@{old_version}")
    if old_version == version or aside.exists():  # the same pictures: nothing is lost with the old folder
        aside = path.with_name(f".{path.name}.replaced-{os.getpid()}")
    path.rename(aside)
    temporary.rename(path)
    if aside.name.startswith("."):
        shutil.rmtree(aside)


def _encode_card(card: Card) -> bytes:
    return (card.model_dump_json(indent=2) + "\n").encode()


def _parse_card(path: Path) -> Card:
    if not path.is_file():
        raise BundleMissing(path, found="no such file", expected="the card of a bundle")
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise BundleDamaged(path, found=f"invalid JSON ({error})", expected="a card") from None
    card_format = found.get("format") if isinstance(found, dict) else None
    if isinstance(card_format, int) and card_format > FORMAT:
        raise BundleTooNew(
            path, found=f"format {card_format}", expected=f"{FORMAT} or older", advice="Use a newer Zoetrope."
        )
    try:
        return Card.model_validate_json(json.dumps(upgrade(found) if isinstance(found, dict) else found))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"]) or "the card"
        raise BundleDamaged(
            path, found=f"{where}: {first['msg']}", expected=f"a card of format 1 to {FORMAT}"
        ) from None


def _checked_file(path: Path, expected: str) -> bytes | None:
    """Compare a file with its digest; the bytes of a graph, None of another file."""
    if not path.is_file():
        raise BundleMissing(path, found="no such file", expected=f"a file with SHA-256 {expected[:16]}...")
    data = path.read_bytes() if path.name in _GRAPHS else None
    found = digest_of(path) if data is None else hashlib.sha256(data).hexdigest()
    if found != expected:
        raise BundleDamaged(
            path,
            found=f"{path.stat().st_size} bytes with SHA-256 {found[:16]}...",
            expected=f"SHA-256 {expected[:16]}...",
            advice="Truncated or altered: copy the bundle again, or export it again.",
        )
    return data
