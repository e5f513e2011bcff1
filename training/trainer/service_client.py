"""The service that a trainer works for, over HTTP: JSON, no redirects, a key, and errors of two kinds.

    loop, lease -> [service_client] -> POST /trainer/...

A service that is away, or cannot store anything now, is asked again; one that
refuses is not. Knows nothing of what is asked.
"""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.feedback.ratings_client import KEY_VARIABLE, OPENER, authorization, without_password

_TIMEOUT_S = 30
_LARGEST_ANSWER_BYTES = 1 << 20
_AGAIN = frozenset({408, 429})
"""Statuses below 500 that ask for patience."""


class ServiceAway(TrainingError):
    """The service does not answer now, or cannot do anything for now."""


class ServiceRefuses(TrainingError):
    """The service answers that it will not; says why."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


@dataclass(frozen=True)
class Task:
    """What a trainer has taken."""

    id: str
    kind: str
    model: str
    lease: str
    asked: Mapping[str, Any]
    """What a person chose."""
    result: Mapping[str, Any]
    """What is known already: the version that is fine-tuned."""
    requested_at: datetime


@dataclass(frozen=True)
class Outcome:
    """How a task ended."""

    state: str
    """done, planned, refused, failed, cancelled, stopped; waiting gives it back."""
    reason: str | None = None
    result: Mapping[str, Any] = field(default_factory=dict)


class ServiceClient:
    """Speaks to one service.

    Args:
        url: `http://HOST:PORT`; the key in ZOETROPE_CLIENT_KEY is sent, where there is one.
    """

    def __init__(self, url: str) -> None:
        self._url, self.shown = url.rstrip("/"), without_password(url).rstrip("/")

    @property
    def ratings(self) -> str:
        """The address of its grades, as `finetune --ratings` takes it."""
        return self._url

    def take(self, trainer: str, lease_s: float) -> Task | None:
        """Take what has waited longest; None where nothing waits.

        Raises:
            ServiceAway, ServiceRefuses: see there.
        """
        found = self._post("/trainer/take", {"trainer": trainer, "lease_seconds": lease_s})["training"]
        if found is None:
            return None
        known = {one.name: found[one.name] for one in fields(Task)}
        return Task(**known | {"requested_at": datetime.fromisoformat(found["requested_at"])})

    def report(self, task: Task, state: str, lease_s: float, **facts: Any) -> str | None:
        """Say how a task goes, or how it ended.

        Returns:
            `cancel` or `stop`, where a person wants that.

        Raises:
            ServiceAway, ServiceRefuses: see there; 409 says that the task is another trainer's by now.
        """
        body = {"lease": task.lease, "lease_seconds": lease_s, "state": state, **facts}
        wish: str | None = self._post(f"/trainer/trainings/{task.id}", body)["wish"]
        return wish

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        place = f"{self.shown}{path}"
        headers = {"content-type": "application/json", "accept": "application/json", **authorization(self._url)}
        try:
            request = urllib.request.Request(place, json.dumps(body).encode(), headers, method="POST")
            with OPENER.open(request, timeout=_TIMEOUT_S) as answer:
                return json.loads(answer.read(_LARGEST_ANSWER_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                words = f"{place}: found {error.code}: {_detail(error)}"
            if error.code >= 500 or error.code in _AGAIN:
                raise ServiceAway(words) from None
            raise ServiceRefuses(error.code, f"{words}{_hint(error.code)}") from None
        except ValueError as error:
            raise ServiceRefuses(0, f"{place}: found {error}, expected the address of a Zoetrope service") from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)  # what urllib wraps
            found = getattr(reason, "strerror", None) or reason
            raise ServiceAway(f"{self.shown} does not answer ({found})") from None


def use_key_file(file: Path) -> None:
    """Send the key in this file from now on, in place of the one in ZOETROPE_CLIENT_KEY.

    Args:
        file: the secret alone, or a line NAME:SCOPES:SECRET of the service's file of keys.

    Raises:
        ValueError: it cannot be read, or holds no key; no message has a secret in it.
    """
    try:
        lines = [line.strip() for line in file.read_text().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        found = getattr(error, "strerror", None) or "bytes that are no text"
        raise ValueError(f"{file}: found {found}, expected a file with a key") from None
    keys = [line for line in lines if line and not line.startswith("#")]
    if len(keys) != 1 or ":sha256:" in keys[0]:
        found = "a digest, which is no key" if len(keys) == 1 else f"{len(keys)} lines"
        raise ValueError(f"{file}: found {found}, expected one line: the secret of a key, or NAME:SCOPES:SECRET")
    os.environ[KEY_VARIABLE] = keys[0].rpartition(":")[2]


def _detail(error: urllib.error.HTTPError) -> str:
    """What a problem says, or the beginning of what came in its place."""
    data = error.read(_LARGEST_ANSWER_BYTES)
    try:
        return str(json.loads(data)["detail"])
    except (ValueError, KeyError, TypeError):
        location = error.headers.get("Location")
        return f"a redirect to {without_password(location)[:300]}" if location else data[:300].decode(errors="replace")


def _hint(status: int) -> str:
    if status in (401, 403):
        return f" A trainer sends the key in --key-file, or in {KEY_VARIABLE}; it needs the scopes rate and admin."
    if status == 404:
        return " Expected a service of this release, which has rounds."
    return ""
