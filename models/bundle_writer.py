"""Bundles that are written: whole or not at all, their cards rewritten in place, older versions restored.

    training.exporter, evaluation, benchmark, service -> [bundle_writer] -> models/<name>/

A folder is flushed under a temporary name and renamed; what a crash leaves
between two renames `bundle` finds again. Knows nothing of what the files mean.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from models.bundle import CARD, DIRECTIONS, GENERATOR, REQUIRED, Bundle, open_bundle, parse_card, read_card, with_card
from models.card import Card, Compute, Fidelity, ReducedPrecision, version_of
from models.errors import BundleReplaced
from models.files import sync_file, sync_folder, write_atomically, write_synced
from models.scores import Scores, ScoresElsewhere


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
    _finish_interrupted(path)
    files = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    draft = Card(name=path.name, version="0" * 16, files=files, **facts)
    version = version_of(files[GENERATOR], draft.classes)
    card = draft.model_copy(update={"version": version, **_scores_to_keep(path, version, draft)})

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    temporary.mkdir()
    for name, data in {**contents, CARD: _encode_card(card)}.items():
        write_synced(temporary / name, data)
    sync_folder(temporary)
    _put_in_place(temporary, path, card.version)
    sync_folder(path.parent)
    return open_bundle(path)


@contextmanager
def receiving(path: Path) -> Iterator[Path]:
    """A folder to fill with the files of a bundle that was written elsewhere, `card.json` last.

    At the end of the block it is opened as every bundle is and takes the place of `path`, which stays as `write_bundle`
    says. What is not whole, and an exception in the block, leaves nothing.

    Args:
        path: `.../<name>`, with the name in the card; the folder above it is there.

    Raises:
        BundleError: it is not a whole, unaltered bundle of this name.
    """
    _finish_interrupted(path)
    temporary = _temporary(path)
    temporary.mkdir()
    try:
        yield temporary
        version = open_bundle(temporary).card.version
        sync_folder(temporary)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _put_in_place(temporary, path, version)
    sync_folder(path.parent)


def _finish_interrupted(path: Path) -> None:
    """Give the bundle its name where an earlier writer was killed between its renames."""
    if (whole := with_card(path)) not in (None, path):
        whole.rename(path)


def _scores_to_keep(path: Path, version: str, draft: Card) -> dict[str, object]:
    if not (path / CARD).exists() or (replaced := read_card(path)).version != version:
        return {}
    elsewhere = draft.scores_elsewhere or replaced.scores_elsewhere
    return {"scores": replaced.scores if draft.scores == Scores() else draft.scores, "scores_elsewhere": elsewhere}


def restore_version(path: Path, version: str) -> Card:
    """Make an older version the current one; the one that was current stays, as `<name>@<its version>`.

    Durable, and a process that is killed at any step leaves both versions, one of them current. It is undone by
    restoring the version that was current.

    Args:
        path: `.../<name>`; the older version is the folder `<name>@<version>` next to it.

    Returns:
        The card of the version that was current; nothing is changed where that is `version` already.

    Raises:
        BundleError: one of both is not whole and unaltered; nothing is changed then.
        OSError: the folder cannot be written to; nothing is changed then.
    """
    _finish_interrupted(path)
    replaced = read_card(path)
    if replaced.version == version:
        return replaced
    older = open_bundle(path.with_name(f"{path.name}@{version}")).path
    temporary = _temporary(path)
    try:
        # Both names have its files for a moment: with renames alone a crash could leave the older one without a name.
        shutil.copytree(older, temporary, symlinks=True, copy_function=_link_or_copy)
        sync_folder(temporary)
        _put_in_place(temporary, path, version)
        sync_folder(path.parent)
    finally:
        if path.exists():  # else what is prepared is the only folder that is taken for the current one
            shutil.rmtree(temporary, ignore_errors=True)
    if older.is_symlink():
        older.unlink()
    else:
        shutil.rmtree(older)
    return replaced


def _link_or_copy(source: str, target: str) -> None:
    """The same file under another name; a copy on a file system without hard links."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
        sync_file(Path(target))


def write_scores(path: Path, scores: Scores | ScoresElsewhere, scored: Card | None = None) -> Bundle:
    """Replace the scores in a bundle's card, atomically. Pictures and version stay what they are.

    Args:
        scores: of its own data; or of other data, which replace older ones of the same data alone.
        scored: the card as it was when its pictures were drawn. Another version, or other scores than those, are not
            overwritten; other fields may have changed.

    Raises:
        BundleReplaced: the card is not that one any more; nothing is written then.
        BundleError: the bundle is not whole and unaltered; nothing is written then.
    """
    if scored is not None:
        _check_not_replaced(path, scored)
    if isinstance(scores, Scores):
        return _rewrite_card(path, scores=scores)
    kept = [one for one in read_card(path).scores_elsewhere if one.data_digest != scores.data_digest]
    return _rewrite_card(path, scores_elsewhere=(*kept, scores))


def _check_not_replaced(path: Path, scored: Card) -> None:
    now = read_card(path)
    if now.version != scored.version:
        found, expected = f"version {now.version}", scored.version
    elif (now.scores, now.scores_elsewhere) != (scored.scores, scored.scores_elsewhere):
        found, expected = "scores that another process wrote meanwhile", "those that it had"
    else:
        return
    raise BundleReplaced(
        path / CARD,
        found=found,
        expected=expected,
        advice="It was replaced while it was evaluated: nothing was written. Evaluate it again.",
    )


def write_fidelity(path: Path, fidelity: Mapping[ReducedPrecision, Fidelity], compute: Compute | None) -> Bundle:
    """Replace what the engine rule reads in a bundle's card, atomically. Pictures and version stay what they are.

    Raises:
        BundleError: the bundle is not whole and unaltered; nothing is written then.
    """
    return _rewrite_card(path, fidelity=dict(fidelity), compute=compute)


def write_directions(path: Path, directions: bytes) -> Bundle:
    """Put the file of directions into a bundle and its digest into the card. Pictures and version stay what they are.

    Raises:
        BundleError: the bundle is not whole and unaltered; nothing is written then.
    """
    card = open_bundle(path).card
    with_file = {**card.files, DIRECTIONS: hashlib.sha256(directions).hexdigest()}
    # A crash between the two leaves a file of another digest: the old one is taken out of the card first.
    if DIRECTIONS in card.files:
        _rewrite_card(path, files={name: digest for name, digest in card.files.items() if name != DIRECTIONS})
    write_atomically(path / DIRECTIONS, directions)
    return _rewrite_card(path, files=with_file)


def _rewrite_card(path: Path, **changes: object) -> Bundle:
    card = open_bundle(path).card.model_copy(update=changes)
    write_atomically(path / CARD, _encode_card(card))
    return open_bundle(path)


def _temporary(path: Path) -> Path:
    """Where this process prepares what takes the place of a bundle; nothing is there."""
    temporary = path.with_name(f".{path.name}.writing-{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    return temporary


def _put_in_place(temporary: Path, path: Path, version: str) -> None:
    if not path.exists():
        temporary.rename(path)
        return
    old_version = parse_card(path / CARD).version
    aside = path.with_name(f"{path.name}@{old_version}")
    if old_version == version or aside.exists():  # the same pictures: nothing is lost with the old folder
        aside = path.with_name(f".{path.name}.replaced-{os.getpid()}")
    path.rename(aside)
    temporary.rename(path)
    for replaced in path.parent.glob(f".{path.name}.replaced-*"):  # also those of writers that were killed
        shutil.rmtree(replaced, ignore_errors=True)


def _encode_card(card: Card) -> bytes:
    return (card.model_dump_json(indent=2) + "\n").encode()
