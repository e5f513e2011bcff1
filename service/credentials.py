"""Content credentials: a signed C2PA manifest [C2PA] that says which picture was made by which model, and how.

    settings -> [credentials] -> routes/images (a sidecar), routes/responses (within the file)

What a mark only says, a manifest signs: it holds the hash of the file's bytes, and
that they are of a trained algorithm, with the recipe. By default it is a file of
its own, so that the bytes of pictures stay the same; every signing differs. Needs
the extra `c2pa`, a key and a certificate; without them nothing here is imported.
No authority is asked for the time, so a manifest holds as long as its certificate.

Paper:
    [C2PA]  Content Credentials: C2PA Technical Specification 2.2, 2025.
"""

import io
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models import __version__
from service.encoders.marks import DIGITAL_SOURCE_TYPE, Recipe
from service.encoders.raster import encode_picture
from service.errors import Problem
from service.formats import Format, MediaFormat
from service.settings import PREFIX, Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

RECIPE_LABEL = "zoetrope.recipe"
"""Of the assertion of ours."""
_KEY, _CERTIFICATE = f"{PREFIX}C2PA_KEY", f"{PREFIX}C2PA_CERTIFICATE"
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_SHORTEST_RSA_BITS = 2_048
_CONTEXT = {"builder": {"thumbnail": {"enabled": False}}, "verify": {"verify_after_sign": False}}
"""Of the library: pictures are thumbnails themselves, and what was signed once at the start needs no second look."""
_ITS_CLASS = re.compile(r"^[A-Z]\w+: ")


class ContentCredentials:
    """Signs pictures. Calls from several threads are independent.

    Args:
        settings: with a key and a certificate.

    Raises:
        ValueError: they cannot be used to sign; says which and why, and nothing of the key.
    """

    def __init__(self, settings: Settings) -> None:
        assert settings.c2pa_key is not None
        assert settings.c2pa_certificate is not None
        try:
            import c2pa
        except ImportError:
            raise ValueError(f"{_KEY} is set, but c2pa-python is not installed: it is in the extra c2pa.") from None
        self.embeds = settings.c2pa_embed
        """Whether files hold their manifest."""
        self._c2pa = c2pa
        key, algorithm = _read_key(settings.c2pa_key)
        certificates = _read(settings.c2pa_certificate, _CERTIFICATE)
        self._context = c2pa.Context.from_dict(_CONTEXT)
        try:
            self._signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(algorithm, certificates, key, None))
            tried = encode_picture(np.zeros((1, 1, 1), np.uint8), Format.PNG)
            _, signed = self._sign(tried, Format.PNG, Recipe("none", "0" * 16, "none"), embed=True)
            found = c2pa.Reader("image/png", io.BytesIO(signed), context=c2pa.Context()).get_validation_state()
        except c2pa.C2paError as error:
            raise ValueError(_wrong_certificate(settings, _in_words(error))) from None
        if found not in ("Valid", "Trusted"):
            raise ValueError(_wrong_certificate(settings, f"what {_KEY} signs with it is {found.lower()}"))

    def sidecar(self, picture: bytes, chosen: MediaFormat, recipe: Recipe) -> bytes:
        """The manifest of a file that stays as it is; other bytes at every call.

        Raises:
            Problem: 503, it can no longer be signed.
        """
        return self._signed(picture, chosen, recipe, embed=False)[0]

    def embedded(self, picture: bytes, chosen: MediaFormat, recipe: Recipe) -> bytes:
        """The file with its manifest in it, with the same pixels; other bytes at every call.

        Raises:
            Problem: 503, it can no longer be signed.
        """
        return self._signed(picture, chosen, recipe, embed=True)[1]

    def _signed(self, picture: bytes, chosen: MediaFormat, recipe: Recipe, embed: bool) -> tuple[bytes, bytes]:
        try:
            return self._sign(picture, chosen, recipe, embed)
        except self._c2pa.C2paError as error:  # such as a certificate that has ended since the start
            raise Problem(503, f"The picture cannot be signed: {_in_words(error)}. The operator can mend it.") from None

    def _sign(self, picture: bytes, chosen: MediaFormat, recipe: Recipe, embed: bool) -> tuple[bytes, bytes]:
        builder, signed = self._c2pa.Builder(_manifest(recipe, chosen), self._context), io.BytesIO()
        if not embed:
            builder.set_no_embed()
        manifest: bytes = builder.sign(self._signer, chosen.media_type, io.BytesIO(picture), signed)
        return manifest, signed.getvalue()


def _wrong_certificate(settings: Settings, found: str) -> str:
    return (
        f"{_CERTIFICATE} is {settings.c2pa_certificate}: {found}. Expected: the certificate of the key, then those of "
        "its issuers, in PEM, in force today, not self-signed."
    )


def _manifest(recipe: Recipe, chosen: MediaFormat) -> dict[str, Any]:
    """The definition of a manifest: created by us, by a trained algorithm, from this recipe."""
    agent = {"name": "Zoetrope", "version": __version__}
    created = {"action": "c2pa.created", "digitalSourceType": DIGITAL_SOURCE_TYPE, "softwareAgent": agent}
    named = {name: value for name, value in asdict(recipe).items() if value is not None}
    named |= {name: str(named[name]) for name in ("seed", "index") if name in named}  # the library has 63 bits
    return {
        "claim_generator_info": [agent],
        "title": f"{recipe.model} {recipe.version}",
        "format": chosen.media_type,
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [created]}, "created": True},
            {"label": RECIPE_LABEL, "data": named, "created": True},
        ],
    }


def _read_key(path: Path) -> tuple[bytes, str]:
    """A private key as PKCS 8, and the algorithm that it signs with."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    data = _read(path, _KEY)
    try:
        key = load_pem_private_key(data, None)
    except (ValueError, TypeError):  # TypeError: it has a passphrase
        raise ValueError(f"{_KEY} is {path}. Expected: a private key in PEM, without a passphrase.") from None
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), _algorithm(key, path)


def _algorithm(key: "PrivateKeyTypes", path: Path) -> str:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    if isinstance(key, EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return _CURVES[key.curve.name]
    if isinstance(key, Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, RSAPrivateKey) and key.key_size >= _SHORTEST_RSA_BITS:
        return "ps256"
    raise ValueError(
        f"{_KEY} is {path}. Expected: a key for ES256, ES384, ES512, Ed25519, or RSA of {_SHORTEST_RSA_BITS:,} bits or "
        "more."
    )


def _read(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{name} is {path}: {(error.strerror or str(error)).lower()}.") from None


def _in_words(error: Exception) -> str:
    """What the library says, without its own class in front."""
    return _ITS_CLASS.sub("", " ".join(str(error).split())).rstrip(".")
