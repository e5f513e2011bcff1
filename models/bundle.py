"""A model as a folder: written whole or not at all, opened unaltered or not at all.

    training -> write_bundle -> models/<name>/ -> open_bundle -> service

Files of a bundle: `card.json`, `generator.onnx`, `samples.png`; where the method
has one `encoder.onnx`, where people graded it `reward.onnx`; and, for training
to go on from, `weights.safetensors`. The card holds the SHA-256 of each, and
each is checked at every opening. This file knows folders and digests, and
nothing of what the files mean.
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

from models.card import FORMAT, Card, Scores, version_of
from models.errors import BundleDamaged, BundleMissing, BundleTooNew

CARD, GENERATOR, SAMPLES, WEIGHTS = "card.json", "generator.onnx", "samples.png", "weights.safetensors"
ENCODER, REWARD = "encoder.onnx", "reward.onnx"
REQUIRED = (GENERATOR, SAMPLES)


@dataclass(frozen=True)
class Bundle:
    """A model on disk whose every file was found to be the one that was written."""

    path: Path
    card: Card

    @property
    def generator(self) -> Path:
        """The ONNX graph: z float32 (N, Z) [and label int64 (N,)] -> images uint8 (N, H, W, C)."""
        return self.path / GENERATOR

    @property
    def encoder(self) -> Path | None:
        """The ONNX graph back: images [and label] -> z; None where the method has none."""
        return self.path / ENCODER if ENCODER in self.card.files else None

    @property
    def reward(self) -> Path | None:
        """The ONNX graph of what people like: pictures [and labels] -> grades; None where nobody graded."""
        return self.path / REWARD if REWARD in self.card.files else None


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_bundle(path: Path) -> Bundle:
    """Open a bundle after checking all of it.

    Raises:
        BundleMissing, BundleDamaged, BundleTooNew: naming the file, what was found and what was expected.
    """
    if not path.is_dir():
        raise BundleMissing(path, found="no such folder", expected="a folder with a card.json")
    card = _read_card(path / CARD)
    if path.name not in (card.name, f"{card.name}@{card.version}"):
        raise BundleDamaged(
            path, found=f"a card named {card.name!r}, version {card.version}", expected=f"a card named {path.name!r}"
        )
    for name in REQUIRED:
        if name not in card.files:
            raise BundleDamaged(path / CARD, found=f"no digest of {name}", expected="one in `files`")
    for name, expected in card.files.items():
        _check_file(path / name, expected)
    version = version_of(card.files[GENERATOR], card.classes)
    if version != card.version:
        raise BundleDamaged(path / CARD, found=f"version {card.version}", expected=f"{version} for these files")
    return Bundle(path, card)


def folders_of(folder: Path) -> list[Path]:
    """All that should be bundles in a folder, by name: what is half written, and this room's own caches, are not.

    Raises:
        OSError: there is no such folder.
    """
    return sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._")


def open_all(folder: Path) -> list[Bundle]:
    """Open every bundle in a folder, those of older versions (`<name>@<version>`) too, in the order of their names.

    Raises:
        BundleMissing: the folder is not there, holds no bundle, or older versions of one without the current one; and
            all that `open_bundle` raises.
    """
    if not folder.is_dir():
        raise BundleMissing(folder, found="no such folder", expected="a folder of bundles")
    paths = folders_of(folder)
    if not paths:
        raise BundleMissing(
            folder,
            found="no bundle",
            expected="at least one",
            advice="Train one: python -m training fit PICTURES --out models/NAME",
        )
    for path in paths:
        current = path.with_name(path.name.split("@")[0])
        if current not in paths:
            raise BundleMissing(
                current,
                found=f"only {path.name}",
                expected="the current version beside it",
                advice=f"Rename {path.name} to {current.name}, or export the run again.",
            )
    return [open_bundle(path) for path in paths]


def write_bundle(path: Path, facts: Mapping[str, Any], contents: Mapping[str, bytes]) -> Bundle:
    """Write a bundle beside its place and move it there in one step.

    A bundle of another version that is already there stays, as `<name>@<version>`.

    Args:
        path: `.../<name>`; the folder above it is made if need be.
        facts: what the card says, but for `name`, `version` and `files`, which follow from the rest.
        contents: file name -> bytes; `generator.onnx` and `samples.png` at least.

    Raises:
        ValueError: the facts do not make a card (pydantic's words), or a required file is not given.
    """
    if missing := [name for name in REQUIRED if name not in contents]:
        raise ValueError(f"a bundle needs {', '.join(missing)}")
    files = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    draft = Card(name=path.name, version="0" * 16, files=files, **facts)
    card = draft.model_copy(update={"version": version_of(files[GENERATOR], draft.classes)})

    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.writing-{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for name, data in {**contents, CARD: _encode_card(card)}.items():
        _write_synced(fresh / name, data)
    _put_in_place(fresh, path, card.version)
    return open_bundle(path)


def write_scores(path: Path, scores: Scores) -> Bundle:
    """Replace the scores in a bundle's card, in one step. Pictures and version stay what they are.

    Raises:
        BundleError: the bundle is not whole and unaltered; nothing is written then.
    """
    card = open_bundle(path).card.model_copy(update={"scores": scores})
    fresh = path / f".{CARD}.writing-{os.getpid()}"
    _write_synced(fresh, _encode_card(card))
    fresh.replace(path / CARD)
    return open_bundle(path)


def _put_in_place(fresh: Path, path: Path, version: str) -> None:
    if not path.exists():
        fresh.rename(path)
        return
    old_version = _read_card(path / CARD).version
    aside = path.with_name(f"{path.name}@{old_version}")
    if old_version == version or aside.exists():  # the same pictures: nothing is lost with the old folder
        aside = path.with_name(f".{path.name}.replaced-{os.getpid()}")
    path.rename(aside)
    fresh.rename(path)
    if aside.name.startswith("."):
        shutil.rmtree(aside)


def _encode_card(card: Card) -> bytes:
    return (card.model_dump_json(indent=2) + "\n").encode()


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _read_card(path: Path) -> Card:
    if not path.is_file():
        raise BundleMissing(path, found="no such file", expected="the card of a bundle")
    text = path.read_bytes()
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BundleDamaged(path, found=f"no JSON ({error})", expected="a card") from None
    card_format = found.get("format") if isinstance(found, dict) else None
    if isinstance(card_format, int) and card_format > FORMAT:
        raise BundleTooNew(
            path, found=f"format {card_format}", expected=f"{FORMAT} or older", advice="Use a newer Zoetrope."
        )
    try:
        return Card.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"]) or "the card"
        raise BundleDamaged(path, found=f"{where}: {first['msg']}", expected="a card of format 1") from None


def _check_file(path: Path, expected: str) -> None:
    if not path.is_file():
        raise BundleMissing(path, found="no such file", expected=f"a file with SHA-256 {expected[:16]}...")
    if (found := digest_of(path)) != expected:
        raise BundleDamaged(
            path,
            found=f"{path.stat().st_size} bytes with SHA-256 {found[:16]}...",
            expected=f"SHA-256 {expected[:16]}...",
            advice="Truncated or altered: copy the bundle again, or export it anew.",
        )
