"""What may change while a run is under way: its length, its rate, its penalty, and more pictures of the same kind.

    the configuration that a run has, the one that is asked for -> [changes] -> run (config.json), plan (told)

Weights and Adam's moments stay valid under all of these; under another width, code
size or batch they do not, or the run would be another one. Every change is kept in
the configuration with the images that were shown by then, and goes into the card.
Knows configurations as JSON has them; reads and writes no file.
"""

from collections.abc import Mapping
from typing import Any

CHANGEABLE = ("images_shown", "learning_rate", "gamma")
"""Settings that a run may go on with under another value."""
_SAME_KIND = ("name", "height", "width", "channels")
"""Facts of the data that more pictures share with those that were there."""

Config = dict[str, Any]


def with_changes(stored: Config, asked: Config, come_to: int) -> Config:
    """The configuration that a run goes on with: the stored one, but for what may change.

    Args:
        stored, asked: `settings` and `data`; the first may hold changes already.
        come_to: images that the run has shown. A length below that is not taken.
    """
    changed = {
        name: [stored["settings"][name], asked["settings"][name]]
        for name in CHANGEABLE
        if stored["settings"][name] != asked["settings"][name]
        and (name != "images_shown" or asked["settings"][name] >= come_to)
    }
    config = dict(stored, settings=stored["settings"] | {name: now for name, (_, now) in changed.items()})
    planned = stored["settings"]["images_shown"]
    if "images_shown" in changed and come_to >= planned:
        config["lengthened"] = [*stored.get("lengthened", ()), planned]
    if _more_of_the_same(stored["data"], asked["data"]):
        changed["pictures"] = [stored["data"]["images"], asked["data"]["images"]]
        config["data"] = asked["data"]
        config["data_digests"] = [*stored.get("data_digests", ()), stored["data"]["digest"]]
    if changed and (come_to or "healings" in stored):
        record = {"images_shown": come_to, "changed": changed, "after_healings": len(stored.get("healings", ()))}
        config["changes"] = [*stored.get("changes", ()), record]
    return config


def in_words(stored: Config, config: Config) -> list[str]:
    """A line for each change that the second configuration holds and the first does not."""
    return [
        f"the run goes on from image {record['images_shown']:,} with {_words(record['changed'])}"
        for record in config.get("changes", ())[len(stored.get("changes", ())) :]
    ]


def history(config: Config) -> list[str]:
    """What happened to a run while it was under way, by a person, its budget or healing: a line each, in order."""
    asked = config.get("changes", ())
    lines = [(record["images_shown"], words) for record, words in zip(asked, in_words({}, config), strict=True)]
    lines += [
        (
            record["images_shown"],
            f"{record['verdict']} after {record['images_shown']:,} images: {record['explanation']} It went back to "
            f"image {record['returned_to']:,} and on with learning_rate {_value(record['learning_rate'])} and gamma "
            f"{_value(record['gamma'])}.",
        )
        for record in config.get("healings", ())
    ]
    return [words for _, words in sorted(lines, key=lambda line: line[0])]


def _words(changed: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_value(now)} (was {_value(was)})" for name, (was, now) in changed.items())


def _value(value: Any) -> str:
    return " to ".join(f"{end:g}" for end in value) if isinstance(value, list) else f"{value:,}"


def _more_of_the_same(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether the data became more pictures of the same shape and classes; a folder of another name is another one."""
    return (
        asked["images"] > stored["images"]
        and all(asked[name] == stored[name] for name in _SAME_KIND)
        and _class_names(asked) == _class_names(stored)
    )


def _class_names(data: Mapping[str, Any]) -> list[str] | None:
    return None if data["classes"] is None else [name for name, _ in data["classes"]]
