"""What the folders around pictures mean: a wrapper, a part, a class, or nothing.

    names from folders -> [layout] -> folders (a source)

    flowers/daisy/1.jpg, flowers/rose/2.jpg     one folder around all is looked through
    train/daisy/1.jpg, Validation/rose/2.jpg    parts, in any case; also where they lie in the class folders
    daisy/1.jpg, rose/2.jpg, 3.jpg              classes, and one picture without
    00000/img00000000.png, 00001/img00001000.png    chunks of one set, and no classes

Knows names alone: reads no file, and says in words what a person may not expect.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from PIL import Image

from training.data.reading import UNLABELLED, Reading

Name = tuple[str, ...]
"""Folders and file name, from the root."""
Places = dict[Name, Name]
"""Name -> what is left of it below wrappers and parts."""

ROLES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing", "tests"), "test"),
    **dict.fromkeys(("validation", "validate", "valid", "val", "dev", "eval", "evaluation", "holdout"), "validation"),
}
"""What the folders of parts are called, in lower case -> which part they are."""
_FILLERS = frozenset({"set", "data", "dataset", "image", "images", "img", "imgs", "pictures", "photos", "split"})
_EXTENSIONS = frozenset({"", ".heic", ".heif", ".avif", *Image.registered_extensions()})
_FEWEST_CHUNK_DIGITS = 4
_MOST_NAMED = 5


@dataclass(frozen=True)
class Layout:
    """The pictures of both parts, and the class of each."""

    parts: dict[str, list[Name]]
    """`train` and `test`; the same list twice where the source does not say which is which."""
    class_of: dict[Name, str]
    classes: tuple[str, ...] | None
    """In label order; None where there are fewer than two."""
    is_part: bool
    notes: list[str] = field(default_factory=list)


def is_picture(name: Name) -> bool:
    """Whether a file's name says that it is meant as a picture; one without an extension may be."""
    return os.path.splitext(name[-1])[1].lower() in _EXTENSIONS


def lay_out(names: Iterable[Name], reading: Reading, labels: Mapping[Name, str] | None = None) -> Layout:
    """Decide what is trained on, what is for testing, and which class each picture has.

    Args:
        names: all files.
        labels: classes that a file names, in place of folders.
    """
    notes: list[str] = []
    whole = _unwrapped({name: name for name in names})
    roles = _roles(whole)
    parts = {"whole": whole} if roles is None else _without_wrappers(roles)
    found = {} if reading.classes is False else _classes(parts, reading, labels, notes)
    classes = in_label_order(set(found.values())) if len(set(found.values())) > 1 else None
    if classes is None:
        found = {}
    if roles is None:
        of_part = {"train": whole, "test": whole}
    else:
        used = next((role for role in ("test", "validation") if _any_labelled(parts.get(role, {}), found)), None)
        used = used or ("test" if "test" in parts else "validation")
        of_part = {"train": parts["train"], "test": parts[used]}
        notes += _unused(whole, parts, used)
    kept = {part: _kept(places, found, classes, reading) for part, places in of_part.items()}
    loose = [name for name in {**kept["train"][1], **kept["test"][1]} if is_picture(name)]
    if classes is not None and loose:
        notes.append(_told_of_loose(loose, len(of_part["train"]), reading))
        if reading.unlabelled == "keep":
            found = found | dict.fromkeys(loose, UNLABELLED)
            classes = (*(name for name in classes if name != UNLABELLED), UNLABELLED)
    return Layout({part: names for part, (names, _) in kept.items()}, found, classes, roles is not None, notes)


def in_label_order(names: Iterable[str]) -> tuple[str, ...]:
    """As numbers where all are, else by name."""
    found = set(names)
    return tuple(sorted(found, key=int if all(name.isdecimal() for name in found) else str))


def _unwrapped(places: Places) -> Places:
    """The same without folders that are around every picture."""
    while True:
        pictures = [place for place in places.values() if is_picture(place)]
        tops = {place[0] for place in pictures}
        if len(tops) != 1 or min(map(len, pictures)) < 2:
            return places
        (top,) = tops
        places = {name: place[1:] if place[0] == top and len(place) > 1 else place for name, place in places.items()}


def role_of(folder: str) -> tuple[str, tuple[str, ...]] | None:
    """Which part a folder's name says it is, and what else it says: `seg_train2` is (train, (seg,))."""
    words = [word.removesuffix("set") or word for word in re.findall(r"[^\W\d_]+", folder.lower())]
    rest = tuple(word for word in words if word not in ROLES and word not in _FILLERS)
    found = [ROLES[word] for word in words if word in ROLES]
    return (found[0], rest) if len(found) == 1 else None


def _roles(whole: Places) -> dict[str, Places] | None:
    """Role -> its files, where folders at the top, or in every folder at the top, are called as parts are."""
    for depth in (0, 1):
        pictures = [place for place in whole.values() if is_picture(place) and len(place) > depth + 1]
        called = {name: role_of(name) for name in {place[depth] for place in pictures}}
        if depth == 1 and (
            not all(called.values()) or any(len(place) < 3 for place in whole.values() if is_picture(place))
        ):
            return None
        rests = {found[1] for found in called.values() if found and found[0] == "train"}
        known = {name: found[0] for name, found in called.items() if found and found[1] in rests}
        if len(set(known.values())) > 1 and "train" in known.values():
            roles: dict[str, Places] = {}
            for name, place in whole.items():
                if len(place) > depth + 1 and place[depth] in known:
                    below = (*place[:depth], *place[depth + 1 :])
                    roles.setdefault(known[place[depth]], {})[name] = below
            return roles
    return None


def _without_wrappers(parts: dict[str, Places]) -> dict[str, Places]:
    """Parts without a folder around all pictures of each, where it says no more than the part does."""
    inner = {part: _unwrapped(places) for part, places in parts.items()}
    around = set()
    for part, places in parts.items():
        tops = {place[0] for place in places.values() if is_picture(place) and len(place) > 1}
        top = next(iter(tops), "") if len(tops) == 1 else None
        role = None if top is None else role_of(top)
        around.add("" if role and role[0] == part else top)
    return inner if len(around) == 1 and None not in around else parts


def _classes(
    parts: Mapping[str, Places], reading: Reading, labels: Mapping[Name, str] | None, notes: list[str]
) -> dict[Name, str]:
    places = {name: place for part in parts.values() for name, place in part.items() if is_picture(place)}
    if labels is not None:
        return {name: labels[name] for name in places if name in labels}
    nested = {name: place for name, place in places.items() if len(place) > 1}
    tops = {place[0] for place in nested.values()}
    if _are_chunks(tops, nested.values()):
        notes.append(
            f"no classes: the {len(tops):,} numbered folders are chunks of one set, which their files count on"
        )
        return {}
    leaves = {"/".join(place[:-1]) for place in nested.values()}
    if len(leaves) > 1 and leaves != tops:
        notes.append(_told_of_nested(len(tops), len(leaves), reading))
    return {
        name: place[0] if reading.class_folders == "top" else "/".join(place[:-1]) for name, place in nested.items()
    }


def _told_of_nested(tops: int, leaves: int, reading: Reading) -> str:
    if reading.class_folders == "leaf":
        return f"classes are the {leaves:,} innermost folders; --class-folders top takes the {tops:,} outermost ones"
    what = f"the {tops:,} outermost folders" if tops > 1 else "none: there is one folder at the top"
    return f"classes are {what}; --class-folders leaf takes the {leaves:,} innermost ones"


def _are_chunks(tops: set[str], places: Iterable[Name]) -> bool:
    """Whether folders are numbered as StyleGAN's are, and the numbers of the files go on from folder to folder."""
    if not all(re.fullmatch(rf"[0-9]{{{_FEWEST_CHUNK_DIGITS},}}", top) for top in tops) or len(tops) < 2:
        return False
    ends: dict[str, tuple[int, int]] = {}
    for place in places:
        digits = re.findall(r"[0-9]+", os.path.splitext(place[-1])[0])
        if not digits:
            return False
        number = int(digits[-1])
        low, high = ends.get(place[0], (number, number))
        ends[place[0]] = (min(low, number), max(high, number))
    in_order = [ends[top] for top in sorted(tops, key=int)]
    return all(before[1] < after[0] for before, after in pairwise(in_order))


def _any_labelled(places: Places, found: Mapping[Name, str]) -> bool:
    return any(name in found for name in places)


def _unused(whole: Places, parts: Mapping[str, Places], used: str) -> list[str]:
    """A sentence on the pictures that are in neither part that is used; none where there are none."""
    taken = {**parts["train"], **parts[used]}
    counts = Counter(
        place[0] if len(place) > 1 else "" for name, place in whole.items() if name not in taken and is_picture(place)
    )
    loose = counts.pop("", 0)
    said = [f"{name} ({count:,} {_pictures(count)})" for name, count in sorted(counts.items())]
    more = [f"{len(said) - _MOST_NAMED:,} other folders"] if len(said) > _MOST_NAMED else []
    said = [*said[:_MOST_NAMED], *more, *([f"{loose:,} {_pictures(loose)} outside of the parts"] if loose else [])]
    return [f"not used: {', '.join(said)}"] if said else []


def _kept(
    places: Places, found: Mapping[Name, str], classes: tuple[str, ...] | None, reading: Reading
) -> tuple[list[Name], dict[Name, None]]:
    """The files of a part to read, and those that have no class."""
    if classes is None:
        return list(places), {}
    loose = {name: None for name in places if name not in found}
    drop = {name for name in loose if is_picture(name)} if reading.unlabelled == "drop" else set()
    return [name for name in places if name not in drop], loose


def _told_of_loose(loose: list[Name], of: int, reading: Reading) -> str:
    count = f"{len(loose):,} {_pictures(len(loose))} without a class"
    if reading.unlabelled == "keep":
        return f"{count} of {of:,} became the class {UNLABELLED!r}; --unlabelled drop leaves them out"
    return f"left out {count}, such as {'/'.join(loose[0])}; --unlabelled keep makes them a class of their own"


def _pictures(count: int) -> str:
    return "picture" if count == 1 else "pictures"
