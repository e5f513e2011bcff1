"""Keys and certificates to sign with, as an authority would issue them, which nothing else trusts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NEW_KEY: dict[str, Callable[[], PrivateKeyTypes]] = {
    "es256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "es384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ps256": lambda: rsa.generate_private_key(65537, 2048),
    "brainpool": lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
}
TODAY = datetime.now(UTC)


def write_credentials(folder: Path, kind: str = "es256", days: int = 30) -> tuple[Path, Path, str]:
    """A key and its chain in a folder: their paths, and the authority's certificate.

    The key is in the traditional form of OpenSSL, which the library by itself does not read.
    """
    root_key, key = ec.generate_private_key(ec.SECP256R1()), NEW_KEY[kind]()
    root_name, name = _name("Test authority"), _name("Zoetrope's tests")
    begins = min(TODAY - timedelta(days=1), TODAY + timedelta(days=days) - timedelta(days=1))
    root = (
        _certificate(root_name, root_name, root_key.public_key(), begins, TODAY + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    leaf = (
        _certificate(name, root_name, key.public_key(), begins, TODAY + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(authority, critical=False)
        .sign(root_key, hashes.SHA256())
    )
    form = PrivateFormat.PKCS8 if kind == "ed25519" else PrivateFormat.TraditionalOpenSSL
    key_path, chain = folder / "key.pem", folder / "chain.pem"
    key_path.write_bytes(key.private_bytes(Encoding.PEM, form, NoEncryption()))
    chain.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in (leaf, root)))
    return key_path, chain, root.public_bytes(Encoding.PEM).decode()


def _name(common: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tests"), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )


def _certificate(name: x509.Name, issuer: x509.Name, key, begins: datetime, ends: datetime) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key)
    dated = builder.serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)
    return dated.add_extension(identifier, critical=False)


def _usage(**allowed: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    further = ("key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in (*names, *further)})
