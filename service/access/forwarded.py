"""What a proxy in front says of a request: the client's address, the scheme, the host, and the path prefix.

    ZOETROPE_PROXIES, ZOETROPE_PREFIX, X-Forwarded-* -> [forwarded] -> rules

Every client can send these headers, so they are believed of connections from named
addresses alone; of others, and without the setting, nothing here is looked at. A
proxy adds its word behind what a client may have sent, so of several values the last
one counts, and the client is the last address that is no proxy. Knows no keys.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.types import Scope as Request

Network = IPv4Network | IPv6Network
PREFIX_PATTERN = "(/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,63}){0,8}"
"""Segments of a path in which nothing is escaped: none is `.` or `..`."""

_FORWARDED = frozenset({b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-prefix"})
_PREFIX = re.compile(PREFIX_PATTERN)
_WITH_PORT = re.compile(r"\[([0-9a-fA-F:.]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+")
_HOST = re.compile(r"[A-Za-z0-9._\[\]:-]{1,255}")
_SCHEMES = ("http", "https")


class TrustedProxies:
    """The proxies in front of a service.

    Args:
        networks: addresses of which `X-Forwarded-*` is believed.
        prefix: of all paths, where no proxy says one; "" or as in "/pictures".
    """

    def __init__(self, networks: Sequence[Network], prefix: str) -> None:
        self._networks, self._prefix = tuple(networks), prefix

    def resolve(self, request: Request) -> Request:
        """The request as its client made it: a copy with its `client`, `scheme` and `Host`.

        Its `path` is that of our routes, whether the proxy takes the prefix off or not; `root_path` is the prefix.
        """
        resolved = dict(request)
        prefix = self._prefix
        if self._trusts((request.get("client") or ("", 0))[0]):
            given = [(name, value.decode("latin-1")) for name, value in request["headers"] if name in _FORWARDED]
            prefix = _last(given, b"x-forwarded-prefix", _PREFIX.fullmatch) or prefix
            resolved["client"] = (self._client(given) or request["client"][0], 0)
            scheme = _last(given, b"x-forwarded-proto", _SCHEMES.__contains__)
            resolved["scheme"] = scheme or request["scheme"]
            if host := _last(given, b"x-forwarded-host", _HOST.fullmatch):
                others = [pair for pair in request["headers"] if pair[0] != b"host"]
                resolved["headers"] = [(b"host", host.encode()), *others]
        path = request["path"]
        has_prefix = bool(prefix) and (path == prefix or path.startswith(f"{prefix}/"))
        resolved["path"] = path[len(prefix) :] if has_prefix else path
        resolved["root_path"] = prefix
        return resolved

    def _client(self, given: Sequence[tuple[bytes, str]]) -> str | None:
        """The last address that is no proxy of ours; of a chain of our proxies alone the first."""
        found = None
        for text in reversed([one.strip() for one in _values(given, b"x-forwarded-for")]):
            bare = (match[1] or match[2]) if (match := _WITH_PORT.fullmatch(text)) else text
            if not _is_address(bare):
                return found
            found = bare
            if not self._trusts(bare):
                return found
        return found

    def _trusts(self, address: str) -> bool:
        return _is_in(address, self._networks)


def _values(given: Sequence[tuple[bytes, str]], name: bytes) -> list[str]:
    """Of every line, in order."""
    return [value for key, line in given if key == name for value in line.split(",")]


def _last(given: Sequence[tuple[bytes, str]], name: bytes, is_valid: Callable[[str], object]) -> str | None:
    """The last value, where it is valid."""
    found = (_values(given, name) or [""])[-1].strip().rstrip("/")
    return found if found and is_valid(found) else None


@lru_cache(maxsize=1024)
def _is_in(address: str, networks: tuple[Network, ...]) -> bool:
    if not _is_address(address):
        return False
    found = ip_address(address)
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found in network for network in networks if network.version == found.version)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
