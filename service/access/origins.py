"""Which names this service goes by, and which web pages may have sent a request.

    settings, a request's `Host`, `Origin`, `Sec-Fetch-Site` -> [origins] -> rules

A page of another site must not use the browser of a person here as its hands.
By DNS rebinding such a page gets a name that leads to this machine, so on a
loopback address only known names are answered; by a request across sites it
writes without reading the answer, so a request that writes must come from a page
of this host. Programs that are not browsers send neither header. Knows no key.
"""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from service.errors import Problem, cut
from service.settings import Settings

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def check_host(host: str, settings: Settings) -> None:
    """Refuse a name that is not ours, on a connection over loopback.

    Raises:
        Problem: 421, says which names are.
    """
    if (name := _name_of(host)) not in LOOPBACK_HOSTS and name not in settings.hosts:
        known = ", ".join((*LOOPBACK_HOSTS, *settings.hosts))
        raise Problem(421, f"Host is {cut(host)!r}; it must be one of {known}. ZOETROPE_HOSTS adds further names.")


def check_origin(headers: dict[bytes, bytes], host: str) -> None:
    """Refuse a request that writes and comes from a page of another site.

    Args:
        headers: `origin` and `sec-fetch-site`, where they came.
        host: the name that the client uses for this service.

    Raises:
        Problem: 403, says from where it may come.
    """
    origin = headers.get(b"origin", b"").decode("latin-1")
    if (b"origin" in headers and not _is_own(origin, host)) or headers.get(b"sec-fetch-site") == b"cross-site":
        raise Problem(
            403,
            f"This request comes from a page of {cut(origin) or 'another site'}; only pages of this service, at "
            f"{cut(host)}, may send it. A proxy must pass on the header Host.",
        )


@lru_cache(maxsize=64)
def is_loopback(address: str) -> bool:
    """Whether an address is one of this machine alone; what is no address is not."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return found.is_loopback


@lru_cache(maxsize=64)
def _name_of(host: str) -> str:
    """The name in a Host header, without its port."""
    name, _, port = host.strip().lower().rpartition(":")
    return name if name and port.isdigit() else host.strip().lower()


def _is_own(origin: str, host: str) -> bool:
    """Whether an origin is a page of this host, on the same port."""
    scheme, _, place = origin.lower().partition("://")
    port = _DEFAULT_PORTS.get(scheme)
    return port is not None and bool(place) and place.removesuffix(port) == host.strip().lower().removesuffix(port)
