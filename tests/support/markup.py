"""Pages as a strict reader sees them."""

from html.parser import HTMLParser
from pathlib import Path


class Reader(HTMLParser):
    """Collects what a page points to, and fails where a tag is closed that was not opened."""

    EMPTY = ("meta", "img", "source", "line", "polyline", "circle", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.sources += [value for name, value in attrs if name in ("src", "srcset", "href")]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.EMPTY:
            assert self.open.pop() == tag


def read(path: Path) -> tuple[str, Reader]:
    """A page, and what it points to; every tag is closed."""
    text, reader = path.read_text(), Reader()
    reader.feed(text)
    assert reader.open == []
    return text, reader
