"""The ways to learn that a comparison trains by a word: those of the lecture, from noise to the game.

    presets -> [recipes] -> entries

A recipe is what differs from a preset, and how long it takes to see what comes
of it: on `small`, five to eight minutes of one CPU core each. Knows settings;
knows neither pictures nor runs.
"""

from dataclasses import dataclass

from training.config import LossName, MethodName, NetworkName, Settings, preset_named


@dataclass(frozen=True)
class Recipe:
    """One way to learn."""

    word: str
    method: MethodName
    network: NetworkName | None
    """None: the preset's, as below."""
    loss: LossName | None
    gamma: tuple[float, float] | None
    kimg: dict[str, float]
    """Preset -> thousand images shown, 0 for a network that is taken as it starts; the preset's own, if not here."""
    what: str
    """A sentence for people."""

    @property
    def learns(self) -> bool:
        """False for what is never trained."""
        return any(self.kimg.values())

    def settings(self, preset: str, kimg: float | None = None) -> Settings:
        """The settings of a run.

        Args:
            preset: a row of the presets' table.
            kimg: thousand images to show, in place of the recipe's own length. What does not learn ignores it.

        Raises:
            ValueError: no such preset, or a length below one batch.
        """
        settings = preset_named(preset, self.method, self.network).with_changes(loss=self.loss, gamma=self.gamma)
        wanted = self.kimg.get(preset) if kimg is None else kimg
        if not self.learns or wanted is None:
            return settings
        return settings.with_changes(images_shown=round(1000 * wanted))


_NOISE = "A generator before its first step: how awful it starts."
_AUTOENCODER = "Encoder and decoder make pictures come back; the decoder draws from the codes of a fitted mixture."
_DENOISING = "The same, shown noisy pictures and asked for the clean ones."
_VARIATIONAL = "Codes are learned to be standard normal, so the decoder draws from standard normal numbers."
_DCGAN = "The game of 2014 by the lecture: convolutions with strides, the minimax loss, no penalty."
_GAN = "The game as it is played here: residual networks, the relativistic loss, R1 and R2."

# fmt: off
_TABLE = (
    # word           method         network loss       gamma       kimg of tiny, small
    ("untrained",   "gan",         None,    None,      None,       (  0,   0), _NOISE),
    ("autoencoder", "autoencoder", None,    None,      None,       (200, 450), _AUTOENCODER),
    ("denoising",   "denoising",   None,    None,      None,       (200, 450), _DENOISING),
    ("variational", "variational", None,    None,      None,       (200, 300), _VARIATIONAL),
    ("dcgan",       "gan",         "dcgan", "minimax", (0.0, 0.0), (200, 350), _DCGAN),
    ("gan",         "gan",         None,    None,      None,       (200, 150), _GAN),
)
# fmt: on

RECIPES = {
    word: Recipe(word, method, network, loss, gamma, dict(zip(("tiny", "small"), kimg, strict=True)), what)
    for word, method, network, loss, gamma, kimg, what in _TABLE
}
"""Word -> recipe, in the order of the lecture."""
