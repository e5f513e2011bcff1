"""The grades of a running service, over HTTP: no redirects, a bound on time and size, and no secret in a message.

    GET /ratings -> [ratings_client] -> grades

Knows nothing of the table that comes.
"""

import base64
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException

KEY_VARIABLE = "ZOETROPE_CLIENT_KEY"
"""Holds the secret of an API key with the scope `rate`."""
LARGEST_TABLE_BYTES = 256 << 20
"""Two million grades."""
DOWNLOAD_TIMEOUT_S = 600
_SILENCE_TIMEOUT_S = 60
_PIECE_BYTES = 1 << 20
_LARGEST_ECHO = 300


class RatingsUnavailable(ValueError):
    """The service does not answer now, or cannot read its grades for now."""


def download_ratings(url: str, model: str) -> tuple[str, str]:
    """The grades of a model as CSV, and the address that was requested, without a password.

    Args:
        url: `http://HOST:PORT` or `http://USER:PASSWORD@HOST:PORT`, which is sent as basic authentication; the path
            `/ratings` may be there. Without a user the key in ZOETROPE_CLIENT_KEY is sent, where there is one.
        model: its name.

    Raises:
        RatingsUnavailable: it does not answer now.
        ValueError: it refuses, redirects, or sends too much; says what was found and what was expected.
    """
    shown = without_password(url)
    place = f"{shown.rstrip('/').removesuffix('/ratings')}/ratings?{urllib.parse.urlencode({'model': model})}"
    try:
        request = urllib.request.Request(place, headers={"Accept": "text/csv", **authorization(url)})
        with OPENER.open(request, timeout=_SILENCE_TIMEOUT_S) as answer:
            return _read(answer).decode(), place
    except urllib.error.HTTPError as error:
        with error:
            kind = RatingsUnavailable if error.code >= 500 else ValueError
            raise kind(f"{place}: found {_refusal(error)}") from None
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", error)  # what urllib wraps
        found = getattr(reason, "strerror", None) or reason
        kind = RatingsUnavailable if isinstance(error, OSError | HTTPException) else ValueError
        raise kind(f"{place}: found {found}, expected a running service. Start it, or give its address.") from None


def without_password(url: str) -> str:
    """The URL without user and password; anything else as it is."""
    return re.sub(r"^(https?:)//.*@", r"\1//", url)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect may lead to any address, one that only this machine can reach too; it becomes an error."""

    def redirect_request(self, *_: object) -> None:
        """Called by urllib."""
        return


OPENER = urllib.request.build_opener(_NoRedirects)
"""Opens what a URL names, and follows no redirect."""


def authorization(url: str) -> dict[str, str]:
    """The header that says user and password, if the URL names them; else the key, if there is one."""
    # Not urlsplit: a "/" in a password ends the host there, and a part of the password would be in its messages.
    found = re.match(r"^https?://(.*)@", url)
    if found is None:
        key = os.environ.get(KEY_VARIABLE)
        return {"Authorization": f"Bearer {key}"} if key else {}
    said = urllib.parse.unquote(found[1]).encode()
    return {"Authorization": f"Basic {base64.b64encode(said).decode()}"}


def _read(answer: "urllib.response.addinfourl") -> bytes:
    """The body, by what one call of `recv` gives: a server that trickles meets the time limit."""
    end_s, table = time.monotonic() + DOWNLOAD_TIMEOUT_S, bytearray()
    while piece := answer.read1(_PIECE_BYTES):
        table += piece
        if len(table) > LARGEST_TABLE_BYTES:
            raise ValueError(f"more than {LARGEST_TABLE_BYTES} bytes")
        if time.monotonic() > end_s:
            raise ValueError(f"no end after {DOWNLOAD_TIMEOUT_S} s")
    return bytes(table)


def _refusal(error: urllib.error.HTTPError) -> str:
    if location := error.headers.get("Location"):
        where = without_password(location)[:_LARGEST_ECHO]
        return f"a redirect ({error.code}) to {where}, which is not followed. Give the address of the service itself."
    words = f"{error.code} {error.read(_LARGEST_ECHO).decode(errors='replace')}"
    return f"{words} {KEY_VARIABLE} may hold a key." if error.code in (401, 403) else words
