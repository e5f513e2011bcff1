"""API keys: read from a file and the environment, kept as digests, found in constant time, read again when they change.

    ZOETROPE_KEYS, ZOETROPE_KEYS_FILE -> [keys] -> rules

A key is `NAME:SCOPES:SECRET`: who has it, what it may do, and what a client sends. In place of the secret its digest
may stand, as `sha256:` and 64 hex digits. SHA-256 is enough because a secret is long and random, which a password is
not; so short ones are refused. No message here has a secret in it. Knows nothing of requests.
"""

import hashlib
import hmac
import logging
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

Scope = Literal["draw", "rate", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
MOST_KEYS = 256
"""Each is compared with what a request sends; so many take 50 us."""
SHORTEST_SECRET, LONGEST_SECRET = 16, 256
CHECK_S = 1.0
"""Seconds between two looks at the file, at least."""

_LARGEST_FILE_BYTES = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_SECRET = re.compile(r"[A-Za-z0-9._~+/=-]+")
_DIGEST = re.compile(r"sha256:([0-9a-fA-F]{64})")
_MAKE_ONE = "Make one: openssl rand -hex 32"
_log = logging.getLogger("zoetrope")


@dataclass(frozen=True)
class Key:
    """A key, without its secret."""

    name: str
    scopes: frozenset[Scope]
    digest: bytes = field(repr=False)
    """SHA-256 of the secret."""


def parse_keys(lines: Iterable[str], where: str) -> tuple[Key, ...]:
    """The keys of these lines; empty lines and those that begin with # are none.

    Args:
        lines: `NAME:SCOPES:SECRET`, each.
        where: what is read, for the message.

    Raises:
        ValueError: a line is no key, or two have the same name or secret; says which line, and never a secret.
    """
    found: dict[str, Key] = {}
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith("#"):
            continue
        try:
            key = _parse(line)
            if key.name in found or any(key.digest == other.digest for other in found.values()):
                raise ValueError("found the same name or secret as before, expected others")
        except ValueError as error:
            raise ValueError(f"{where}, key {number}: {error}") from None
        found[key.name] = key
    if len(found) > MOST_KEYS:
        raise ValueError(f"{where}: found {len(found)} keys, expected at most {MOST_KEYS}")
    return tuple(found.values())


def read_keys(file: Path) -> tuple[Key, ...]:
    """The keys of a file.

    Raises:
        ValueError: it cannot be read, or a line is no key; says which, and never a secret.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(_LARGEST_FILE_BYTES + 1)
        if len(data) > _LARGEST_FILE_BYTES:
            raise ValueError(f"{file}: found more than {_LARGEST_FILE_BYTES:,} bytes, expected a file of keys")
        return parse_keys(data.decode().splitlines(), str(file))
    except UnicodeDecodeError:
        raise ValueError(f"{file}: found bytes that are not UTF-8, expected lines of NAME:SCOPES:SECRET") from None
    except OSError as error:
        raise ValueError(f"{file}: found {error.strerror or type(error).__name__}, expected a file of keys") from None


def check_distinct(fixed: tuple[Key, ...], read: tuple[Key, ...], file: Path) -> None:
    """Refuse a key of a file whose name or secret a key of the environment has.

    Raises:
        ValueError: says which.
    """
    taken = {key.name for key in fixed} | {key.digest for key in fixed}
    if double := [key.name for key in read if key.name in taken or key.digest in taken]:
        raise ValueError(f"{file}: found the name or secret of {double[0]} in ZOETROPE_KEYS too, expected another")


class KeyRing:
    """The keys of a service: some that stay, and those of a file, which is read again when it changes.

    A file that cannot be read, or has a wrong line, changes nothing: the log says so, and the keys stay as they were.

    Args:
        fixed: keys of the environment.
        file: a file of keys.
    """

    def __init__(self, fixed: tuple[Key, ...] = (), file: Path | None = None) -> None:
        self._fixed, self._file = fixed, file
        self._keys, self._signature, self._checked_s = fixed, (0, 0, 0), -CHECK_S
        self.is_set = bool(fixed) or file is not None
        """Whether there is any, or a file for them: then nothing is open that a key may open."""

    def find(self, secret: str) -> Key | None:
        """The key with this secret; takes as long for one that is none."""
        self._refresh()
        digest, found = hashlib.sha256(secret.encode()).digest(), None
        for key in self._keys:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found

    def _refresh(self) -> None:
        """Read the file again where it has changed."""
        now_s = time.monotonic()
        if self._file is None or now_s - self._checked_s < CHECK_S:
            return
        self._checked_s = now_s
        try:
            found = self._file.stat()
            signature = (found.st_mtime_ns, found.st_ino, found.st_size)
        except OSError:
            signature = (-1, -1, -1)
        if signature == self._signature:
            return
        self._signature = signature
        try:
            read = read_keys(self._file)
            check_distinct(self._fixed, read, self._file)
        except ValueError as error:
            _log.error("the keys stay as they were: %s", error)
            return
        self._keys = (*self._fixed, *read)
        known = [f"{key.name} ({', '.join(sorted(key.scopes))})" for key in self._keys]
        _log.info("keys: %s", ", ".join(known) or "none")


def _parse(line: str) -> Key:
    name, scopes, secret = (*line.split(":", 2), "", "")[:3]
    given = {scope.strip() for scope in scopes.split(",")}
    if not _NAME.fullmatch(name) or not secret:
        raise ValueError("found no NAME:SCOPES:SECRET, expected one, as in ann:draw,rate:SECRET")
    if not given <= set(SCOPES):  # not repeated: it may be a secret in the wrong place
        raise ValueError(f"found another scope, expected {', '.join(SCOPES)} with commas between")
    digest = _DIGEST.fullmatch(secret)
    if digest is None and not (SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET and _SECRET.fullmatch(secret)):
        raise ValueError(
            f"found a secret of {len(secret)} characters, expected {SHORTEST_SECRET} to {LONGEST_SECRET} of A-Z a-z "
            f"0-9 . _ ~ + / = -, or sha256: and 64 hex digits. {_MAKE_ONE}"
        )
    sha256 = bytes.fromhex(digest[1]) if digest else hashlib.sha256(secret.encode()).digest()
    return Key(name, frozenset(scope for scope in SCOPES if scope in given), sha256)
