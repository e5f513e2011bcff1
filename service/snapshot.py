"""Every model that is served at one moment: which name means which version, loaded.

    models -> [collection] -> gallery

It never changes. Where bundles come and go another one takes its place, in one
step, so that a request sees all of one moment and nothing of two.
"""

from collections.abc import Mapping

from models.runtime import Runtime
from service.errors import Problem


class Collection:
    """What can be drawn.

    Args:
        loaded: folder -> what draws its bundle: `<name>` is the current version of a model, `<name>@<version>` an
            older one.
        default_model: draws where none is named; the first by name, if it is not there.
    """

    def __init__(self, loaded: Mapping[str, Runtime], default_model: str) -> None:
        self.loaded = dict(loaded)
        self._held: dict[str, dict[str, Runtime]] = {}
        for folder in sorted(loaded):  # `<name>` comes before `<name>@...`
            card = loaded[folder].card
            self._held.setdefault(card.name, {}).setdefault(card.version, loaded[folder])
        self.default = default_model if default_model in self._held else min(self._held, default="")
        """The model that draws where none is named."""

    @property
    def names(self) -> list[str]:
        """Every model by name."""
        return sorted(self._held)

    @property
    def current(self) -> list[Runtime]:
        """The current version of every model, by name."""
        return [next(iter(self._held[name].values())) for name in self.names]

    def find(self, asked: str | None) -> Runtime:
        """What draws `name` or `name@version`; the default model for None.

        Raises:
            Problem: 404 no such model, 410 a version that is no longer held.
        """
        name, _, version = (self.default if asked is None else asked).partition("@")
        if name not in self._held:
            raise Problem(404, f"There is no model {name[:80]!r}. There are: {', '.join(self.names)}.")
        held = self._held[name]
        if version and version not in held:
            raise Problem(
                410, f"Version {version[:80]!r} of {name} is not held. Held: {', '.join(self.versions(name))}."
            )
        return held[version or next(iter(held))]

    def versions(self, name: str) -> list[str]:
        """Versions held of a model, the current one first; none where there is no such model."""
        return list(self._held.get(name, ()))
