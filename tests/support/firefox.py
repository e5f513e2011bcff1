"""A person with Debian's Firefox, driven over WebDriver BiDi alone (https://w3c.github.io/webdriver-bidi/).

Playwright and Selenium would do, but the one begins with a command that the ESR does not know, and the other needs
geckodriver, which Debian does not package. One page needs four commands of the protocol.
"""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from websocket import WebSocket, create_connection

from support.browsing import WITHIN_S

FIREFOX = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)
KEYS = {"Enter": "\ue006", "PageUp": "\ue00e", "Escape": "\ue00c"}
"""As the protocol names keys that are no character."""
CENTRE = """(() => {
    const all = [...document.querySelectorAll(%s)].filter(one => one.checkVisibility());
    const found = all.find(one => (one.getAttribute('aria-label') ?? one.textContent).includes(%s));
    if (!found || found.disabled) return null;
    found.scrollIntoView({block: 'nearest'});
    const {left, top, width, height} = found.getBoundingClientRect();
    return {x: Math.round(left + width / 2), y: Math.round(top + height / 2)};
})()"""
"""Where a shown element with a text is, once it can be clicked."""


def refuse() -> None:
    """Skip, but fail where .ci/run must have installed it."""
    words = "there is no Firefox here: apt-get install firefox-esr"
    if os.environ.get("CI") == "true" and os.geteuid() == 0 and shutil.which("apt-get"):
        pytest.fail(words)
    pytest.skip(words)


class FirefoxPage:
    """One window; `complaints` are what its console said, `requested` the URLs that it asked for."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket, self._sent = socket, 0
        self.complaints: list[str] = []
        self.requested: list[str] = []
        self._send("session.new", capabilities={})
        self._send("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])
        self._context = self._send("browsingContext.getTree")["contexts"][0]["context"]
        self._send("browsingContext.setViewport", context=self._context, viewport={"width": 1280, "height": 720})

    def _send(self, method: str, **params: Any) -> Any:
        """Send a command and wait for its result; what happens meanwhile is noted."""
        self._sent += 1
        self._socket.send(json.dumps({"id": self._sent, "method": method, "params": params}))
        while (told := json.loads(self._socket.recv())).get("id") != self._sent:
            self._note(told)
        assert told["type"] == "success", f"{method}: {told}"
        return told["result"]

    def _note(self, event: Any) -> None:
        if event.get("method") == "network.beforeRequestSent":
            self.requested.append(event["params"]["request"]["url"])
        if event.get("method") == "log.entryAdded" and event["params"]["level"] in ("warn", "error"):
            self.complaints.append(event["params"]["text"])

    def visit(self, url: str) -> None:
        """Open a page and wait until it is loaded."""
        self._send("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def read(self, expression: str) -> Any:
        """The value of an expression of JavaScript, as JSON."""
        result = self._send(
            "script.evaluate",
            expression=f"JSON.stringify({expression} ?? null)", target={"context": self._context}, awaitPromise=True,
        )  # fmt: skip
        assert result["type"] == "success", result
        return json.loads(result["result"]["value"])

    def until(self, expression: str) -> Any:
        """Wait until an expression has a value that counts; the value."""
        end = time.monotonic() + WITHIN_S
        while not (found := self.read(expression)):
            assert time.monotonic() < end, f"{expression} is still not so, at {self.read('location.href')}"
            time.sleep(0.05)
        return found

    def click(self, selector: str, text: str = "") -> None:
        """Click an element by its text, as a mouse does, once it is shown and enabled."""
        place = self.until(CENTRE % (json.dumps(selector), json.dumps(text)))
        moves = [
            {"type": "pointerMove", **place}, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}
        ]  # fmt: skip
        self._act({"type": "pointer", "id": "mouse", "actions": moves})

    def press(self, keys: str) -> None:
        """Press keys, one after another, or one that has a name."""
        values = [KEYS[keys]] if keys in KEYS else list(keys)
        actions = [{"type": kind, "value": value} for value in values for kind in ("keyDown", "keyUp")]
        self._act({"type": "key", "id": "keyboard", "actions": actions})

    def _act(self, source: dict[str, Any]) -> None:
        self._send("input.performActions", context=self._context, actions=[source])

    def leave(self, server_url: str) -> None:
        """Close it. Fails where the page complained, or requested something from another host."""
        self._send("browser.close")
        hosts = {urlsplit(one).netloc for one in self.requested if one.startswith("http")}
        assert hosts == {urlsplit(server_url).netloc}
        assert self.complaints == []


@contextmanager
def firefox(profile: Path) -> Iterator[FirefoxPage]:
    """A started Firefox with an empty profile, or the reason why there is none."""
    if FIREFOX is None:
        refuse()
    command = [FIREFOX, "--headless", "--profile", str(profile), "--remote-debugging-port", "0"]
    log = profile / "log"
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    try:
        # An origin is what pages of strangers would send, and refused.
        with closing(create_connection(_listens_at(log), suppress_origin=True, timeout=WITHIN_S)) as socket:
            yield FirefoxPage(socket)
    finally:
        process.terminate()
        process.wait(30)


def _listens_at(log: Path) -> str:
    end = time.monotonic() + WITHIN_S
    while not (found := re.search(r"BiDi listening on (ws://\S+)", log.read_text())):
        assert time.monotonic() < end, f"Firefox does not start: {log.read_text()}"
        time.sleep(0.1)
    return f"{found[1]}/session"
