"""A person at the studio: a real browser, whose console stays clean and which requests nothing from another host."""

import base64
import io
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from support.serving import Server

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 3, "has_touch": True, "is_mobile": True}
WITHIN_S = 20  # a bound for a busy machine, not a goal
HARMFUL = ("serious", "critical")
LAYOUT = Path(__file__).with_name("layout.js")
"""What finds misplaced controls in the page."""


@contextmanager
def browser() -> Iterator[Any]:
    """One for a module; not for a session, because an event loop stands in this thread as long as it runs."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make env")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    with playwright.sync_playwright() as started:
        options = ["--no-sandbox", "--disable-background-networking"]
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=options)
        playwright.expect.set_options(timeout=1000 * WITHIN_S)
        yield chromium
        chromium.close()


class Visitor:
    """A person with a browser window; `page` is Playwright's."""

    def __init__(self, browser: Any, server: Server, **options: Any) -> None:
        self.server, self.requests, self.complaints = server, [], []
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(1000 * WITHIN_S)
        self.page.on("request", lambda request: self.requests.append(request))
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.expected = ()
        """Parts of what the console may say, where a test breaks something."""

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")

    def visit(self, place: str = "") -> Any:
        """Open a view by its link: `#look?...`."""
        self.page.goto(f"{self.server.url}/{place}")
        return self.page

    def slow_down(self, bytes_per_s: int = 50_000, latency_ms: int = 60) -> None:
        """Give them a line of so many bytes a second, by Chromium's own emulation of a network."""
        session = self.context.new_cdp_session(self.page)
        session.send("Network.enable")
        rates = {"downloadThroughput": bytes_per_s, "uploadThroughput": bytes_per_s}
        session.send("Network.emulateNetworkConditions", {"offline": False, "latency": latency_ms, **rates})

    def until(self, expression: str, argument: Any = None) -> None:
        """Wait until JavaScript says yes. The page's own policy forbids what Playwright would do for that."""
        end = time.monotonic() + WITHIN_S
        while not self._says(expression, argument):
            assert time.monotonic() < end, f"{expression} {argument} is still not so, at {self.page.url}"
            self.page.wait_for_timeout(20)

    def _says(self, expression: str, argument: Any) -> bool:
        """What JavaScript says; no where an element of it is not there yet."""
        from playwright.sync_api import Error

        try:
            return bool(self.page.evaluate(expression, argument))
        except Error as error:
            if "of null" not in str(error):
                raise
            return False

    def eventually(self, read: Callable[[], Any], expected: Any) -> None:
        """Wait until what is read, of the page or of the service, is as expected."""
        end = time.monotonic() + WITHIN_S
        while (found := read()) != expected:
            assert time.monotonic() < end, f"found {found}, expected {expected}, at {self.page.url}"
            self.page.wait_for_timeout(20)

    def asked(self, *ends: str) -> int:
        """How many requests there were to paths with such an end: the page asks for /status at any moment."""
        return sum(urlsplit(one.url).path.endswith(ends) for one in self.requests)

    def unrouted(self, routed: list[Any]) -> list[str]:
        """URLs of the requests that are not among these."""
        return [one.url for one in self.requests if one.url.startswith("http") and one not in routed]

    def pixels(self, canvas: str) -> np.ndarray:
        """What is on a canvas: (height, width, 3)."""
        url = self.page.locator(canvas).evaluate("one => one.toDataURL()")
        with Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))) as picture:
            return np.asarray(picture.convert("RGB"))

    def draws(self, canvas: str, expected: np.ndarray) -> None:
        """Wait until exactly these pixels, (height, width, 1 or 3), are on a canvas."""
        expected = np.broadcast_to(expected, (*expected.shape[:2], 3))
        end = time.monotonic() + WITHIN_S
        while not np.array_equal(self.pixels(canvas), expected):
            assert time.monotonic() < end, f"another picture is on {canvas}, at {self.page.url}"
            self.page.wait_for_timeout(20)

    def shows(self, selector: str, n: int = 1) -> None:
        """Wait until there are at least n of these, each an image that has come."""
        self.until(
            "([selector, n]) => { const all = [...document.querySelectorAll(selector)];"
            " return all.length >= n && all.every(one => one.complete && one.naturalWidth > 0); }",
            [selector, n],
        )

    def place_has(self, *parts: str) -> None:
        """Wait until the address bar says all of this."""
        self.until("parts => parts.every(part => location.hash.includes(part))", list(parts))

    def first_is(self, src: str) -> None:
        """Wait until the first picture of the sheet is this one."""
        self.until("src => document.querySelector('.tile img')?.src === src", src)

    def faults(self) -> list[str]:
        """What axe-core finds that keeps people from using what is shown."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in HARMFUL]

    def misplaced(self) -> list[str]:
        """Controls that a person cannot see or reach whole, in words."""
        return self.page.evaluate(LAYOUT.read_text())

    def fits(self) -> bool:
        """Is nothing wider than the screen?"""
        return self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    def leave(self) -> None:
        """Close the window, and check it."""
        self.context.close()
        self.check()

    def check(self) -> None:
        """Fails where the page complained, or requested something from another host; then all is counted again."""
        hosts = {urlsplit(one.url).netloc for one in self.requests if one.url.startswith("http")}
        assert hosts <= {urlsplit(self.server.url).netloc}
        unexpected = [one for one in self.complaints if not any(part in one for part in self.expected)]
        assert unexpected == []
        self.requests, self.complaints, self.expected = [], [], ()


def ask(server: Server, path: str) -> Any:
    """JSON of the service, from outside of the browser."""
    status, body = server.get(path)
    assert status == 200, body[:300]
    return json.loads(body)
