"""Pages to share: what they say, where they lead, what previews read of them; escaped, cached, and behind a proxy."""

import io
import re
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient

from models.codes import ADDRESS_END
from service.access.rules import Access
from service.app import App
from service.middleware import RequestLimitsMiddleware
from service.settings import read_settings
from service.view_page import Html, error_page, fill

HERE = "http://127.0.0.1:3000"


class Page(HTMLParser):
    """The parts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.words, self.meta = list[tuple[str, dict[str, str]]](), "", dict[str, str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        found = dict(attributes)
        self.tags.append((tag, found))
        if tag == "meta" and (name := found.get("property") or found.get("name")):
            self.meta[name] = found["content"]

    def handle_data(self, data: str) -> None:
        self.words += data

    def links(self, begin: str = "") -> list[str]:
        return [found["href"] for tag, found in self.tags if tag == "a" and found["href"].startswith(begin)]

    def one(self, tag: str, **attributes: str) -> dict[str, str]:
        (found,) = [one for name, one in self.tags if name == tag and attributes.items() <= one.items()]
        return found


@pytest.fixture(scope="module")
def version(client: TestClient) -> dict[str, str]:
    return {one["card"]["name"]: one["card"]["version"] for one in client.get("/models").json()["models"]}


def shown(client: TestClient, path: str, **headers: str) -> Page:
    answer = client.get(path, headers=headers, follow_redirects=False)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8"), answer.text
    return Page(answer.text)


def test_the_page_of_a_picture_says_what_it_is_and_where_to_go_on(client: TestClient, version: dict):
    path = f"/view/pets/{version['pets']}/7/3"
    page = shown(client, f"{path}?classes=0:250,2:750&truncation=0.5")
    facts = " ".join(page.words.split())

    for words in ("Picture 3 of seed 7", f"Version {version['pets']}", "25 % cat and 75 % 7", "Truncation 0.5"):
        assert words.replace(" ", "") in facts.replace(" ", ""), words
    (mixed,) = page.links("/#play?")
    (studio,) = shown(client, f"{path}?label=dog&truncation=0.5").links("/#look?")
    model = {"model": [f"pets@{version['pets']}"]}
    assert parse_qs(mixed.partition("?")[2]) == model | {"at": ["7/3/0.5"], "mix": ["0:250,2:750"]}
    assert parse_qs(studio.partition("?")[2]) == model | {
        "seed": ["7"],
        "index": ["3"],
        "label": ["dog"],
        "truncation": ["0.5"],
    }
    assert f"/models/pets@{version['pets']}" in page.links()
    code = page.one("section", **{"class": "code"})
    assert client.get(code["data-url"], follow_redirects=False).status_code == 200
    assert code["data-file"] == "pets-7-3.png"


def test_every_file_and_link_of_a_page_leads_to_what_it_says(client: TestClient, version: dict):
    for path in ("7/3?label=dog", "7/3/5?truncation=0.5", "interpolation?at=7/0&at=7/1/0.5/dog&frames=8&seconds=1"):
        page = shown(client, f"/view/pets/{version['pets']}/{path}")
        for href in {*page.links("/view/"), *page.links("/models/")}:
            answer = client.get(href, follow_redirects=False)
            assert answer.status_code == 200, href
        for tag, found in page.tags:
            for name in ("src", "srcset"):
                if name in found and not found[name].startswith("/page/"):
                    answer = client.get(found[name], follow_redirects=False)
                    assert answer.headers["content-type"].startswith("image/"), (tag, found)
                    if tag == "img":
                        picture = Image.open(io.BytesIO(answer.content))
                        assert (found["width"], found["height"]) == tuple(map(str, picture.size))


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("7/3?label=dog", "image/png"),
        ("7/0/16", "image/png"),
        ("interpolation?at=7/0&at=7/1&frames=8&seconds=1", "image/gif"),
    ],
)
def test_previews_get_a_picture_of_the_size_that_they_are_told(
    client: TestClient, version: dict, path: str, media_type: str
):
    url = f"/view/pets/{version['pets']}/{path}"
    page = shown(client, url)
    answer = client.get(page.meta["og:image"], follow_redirects=False)
    picture = Image.open(io.BytesIO(answer.content))

    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert picture.size == (int(page.meta["og:image:width"]), int(page.meta["og:image:height"]))
    assert min(picture.size) >= 200, "smaller ones are not shown"
    assert page.meta["og:image:type"] == media_type
    assert page.meta["og:url"] == page.one("link", rel="canonical")["href"] == HERE + url
    assert page.meta["twitter:image"] == page.meta["og:image"]
    assert page.meta["twitter:card"] in ("summary", "summary_large_image")
    assert "Drawn by pets" in page.meta["og:description"]


def test_each_picture_of_a_sheet_leads_to_its_own_page(client: TestClient, version: dict):
    page = shown(client, f"/view/pets/{version['pets']}/7/5/10?label=dog")
    rectangles = [found for tag, found in page.tags if tag == "rect"]

    assert page.links(f"/view/pets/{version['pets']}/7/")[:10] == [
        f"/view/pets/{version['pets']}/7/{index}?label=dog" for index in range(5, 15)
    ]
    places = [(one["x"], one["y"]) for one in rectangles]
    assert (len(places), places[:2], places[3:5]) == (10, [("0", "0"), ("10", "0")], [("30", "0"), ("0", "10")])
    assert page.one("svg", **{"class": "sheet"})["viewbox"] == "0 0 38 28"
    assert f"/view/pets/{version['pets']}/7/15/10?label=dog" in page.links(), "the next sheet"


def test_the_page_of_an_interpolation_stands_still_where_less_motion_is_wanted(client: TestClient, version: dict):
    page = shown(client, f"/view/pets/{version['pets']}/interpolation?at=7/0&at=7/1/1/dog&loop=true")
    still = page.one("source")

    assert still["media"] == "(prefers-reduced-motion: reduce)"
    assert "/interpolation.png?" in still["srcset"]
    assert "/interpolation.webp?" in page.one("img")["src"]
    (studio,) = page.links("/#walk?")
    assert parse_qs(studio.partition("?")[2]) == {"model": [f"pets@{version['pets']}"], "at": ["7/0", "7/1/1/dog"]}


def test_an_interpolation_of_codes_has_no_place_in_the_studio(client: TestClient, version: dict):
    page = shown(client, f"/view/grey/{version['grey']}/interpolation?at=7/0&at=code/1,0,0,0,0")

    assert page.links("/#walk?") == []
    assert "A code of 5 numbers" in page.words


@pytest.mark.parametrize(
    ("path", "moved"),
    [
        ("7/3?truncation=1", "3"),
        ("7/3?classes=2:3,0:1", "3?classes=0:250,2:750"),
        ("7/3/4?truncation=0.50&label=dog", "4?label=dog&truncation=0.5"),
        ("interpolation?at=7&at=8/1/1", "interpolation?at=7/0&at=8/1"),
    ],
)
def test_a_page_has_one_url(client: TestClient, version: dict, path: str, moved: str):
    answer = client.get(f"/view/pets/{version['pets']}/{path}", follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (308, moved)


def test_it_is_cached_for_a_day_and_revalidated(client: TestClient, version: dict):
    url = f"/view/grey/{version['grey']}/7/3"
    first = client.get(url)
    again = client.get(url, headers={"if-none-match": first.headers["etag"]})
    head = client.head(url)

    assert first.headers["cache-control"] == "public, max-age=86400", "a release may change the page"
    tag = first.headers["etag"].removeprefix("W/")  # weak where the page is compressed
    assert (again.status_code, again.content, again.headers["etag"].removeprefix("W/")) == (304, b"", tag)
    assert (head.status_code, head.headers["etag"].removeprefix("W/")) == (200, tag)
    assert client.get(f"/view/grey/{version['grey']}/7/4").headers["etag"] != first.headers["etag"]


def test_it_runs_no_code_but_its_own_files(client: TestClient, version: dict):
    for path in ("7/3", "7/0/4", "interpolation?at=7/0&at=7/1"):
        answer = client.get(f"/view/grey/{version['grey']}/{path}")
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert not re.search(r"<style|\sstyle=|<script(?![^>]* src=)|\son[a-z]+=", answer.text)
        assert len(answer.content) < 12_000


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("lion/0000000000000000/7/3", 404, "There is no model &#x27;lion&#x27;. There are: "),
        ("grey/0000000000000000/7/3", 410, "is not available. Available: "),
        ("grey/{grey}/7/03", 422, "index is &#x27;03&#x27;"),
        (f"grey/{{grey}}/7/{ADDRESS_END}", 422, f"index is {ADDRESS_END}; it must be 0 to"),
        ("pets/{pets}/7/3?label=%3Cscript%3E", 422, "label is &#x27;&lt;script&gt;&#x27;"),
        ("grey/{grey}/7/3/1", 422, "n is 1; a sheet with a URL has 2 to 256 pictures."),
        ("grey/{grey}/interpolation?at=x&at=y", 422, "at.0 is &#x27;x&#x27;; a point is spelled seed/index"),
        ("grey/{grey}/interpolation", 422, "at is missing"),
        ("grey/{grey}", 404, "Nothing is at /view/grey/"),
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(
    client: TestClient, version: dict, path: str, status: int, words: str
):
    answer = client.get(f"/view/{path.format(**version)}")

    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert words in answer.text
    assert ("<h1>This link is not right</h1>" in answer.text) == (status == 422)
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert '<meta name="robots" content="noindex">' in answer.text


@pytest.fixture
def connected(app: App, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TestClient]:
    def connect(client: str, **variables: str) -> TestClient:
        monkeypatch.setattr(app, "access", Access(read_settings(variables)))
        served = RequestLimitsMiddleware(app, app)
        return TestClient(served, base_url=HERE, client=(client, 9), raise_server_exceptions=False)

    return connect


@pytest.mark.parametrize("takes_it_off", [True, False])
def test_behind_a_proxy_all_links_lead_through_it(connected: Callable, version: dict, takes_it_off: bool):
    said = {"x-forwarded-host": "pictures.example", "x-forwarded-proto": "https", "x-forwarded-prefix": "/some/where"}
    client = connected("10.1.2.3", ZOETROPE_PROXIES="10.0.0.0/8", ZOETROPE_HOSTS="pictures.example")
    inner = "" if takes_it_off else "/some/where"
    path = f"/view/pets/{version['pets']}/7/0/4"
    page = shown(client, f"{inner}{path}", **said)
    begins = "https://pictures.example/some/where"

    assert page.meta["og:url"] == begins + path
    assert page.meta["og:image"].startswith(f"{begins}/models/pets/")
    assert page.one("section", **{"class": "code"})["data-url"].startswith(f"{begins}/models/pets/")
    assert all(href.startswith("/some/where/") for href in page.links())
    assert all(found["src"].startswith("/some/where/") for tag, found in page.tags if tag in ("img", "script"))
    stranger = shown(connected("192.0.2.1", ZOETROPE_PROXIES="10.0.0.0/8"), path, **said)
    assert stranger.meta["og:url"] == HERE + path


def test_where_drawing_needs_a_key_the_page_says_why_there_is_no_picture(connected: Callable, version: dict):
    keys = {"ZOETROPE_DRAW_NEEDS_KEY": "true", "ZOETROPE_KEYS": "ann:draw:a-secret-of-ann-0123456789"}
    answer = connected("127.0.0.1", **keys).get(f"/view/grey/{version['grey']}/7/3")

    assert answer.status_code == 200
    assert "Drawing needs a key here" in answer.text
    assert answer.headers["cache-control"] == "private, max-age=86400"


TEXT = st.sampled_from(['"><script>x</script>', "' onerror=x ", "0:1,1:1", "dog", "0.5"]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=12
)
PAIRS = st.lists(
    st.tuples(st.sampled_from(["label", "classes", "truncation", "at", "frames", "<b>"]), TEXT), max_size=4
)


@given(PAIRS, st.sampled_from(["7/3", "7/0/4", "interpolation", "<b>/<i>"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_stranger_asks_for_is_a_page_with_our_script_alone(
    client: TestClient, version: dict, pairs: list[tuple[str, str]], kind: str
):
    points = [("at", "7/0"), ("at", "7/1")] if kind == "interpolation" else []
    answer = client.get(f"/view/pets/{version['pets']}/{kind}?{urlencode([*points, *pairs])}")
    page = Page(answer.text)

    assert (answer.status_code in (200, 404, 422), answer.headers["content-type"]) == (True, "text/html; charset=utf-8")
    assert [found.get("src") for tag, found in page.tags if tag == "script"] in ([], ["/page/view.js"])
    assert not any(name.startswith("on") for _, found in page.tags for name in found)
    assert not {"b", "i"} & {tag for tag, _ in page.tags}


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_is_put_into_a_page_stays_text(words: str, more: str):
    page = Page(fill('<a href="{href}" title="{title}">{text}</a><b>{text}</b>', href=words, title=more, text=words))

    assert page.tags == [("a", {"href": words, "title": more}), ("b", {})]


def test_what_a_template_made_is_put_in_as_it_is():
    assert fill("<p>{inner}</p>", inner=fill("<b>{text}</b>", text="<")) == "<p><b>&lt;</b></p>"
    assert isinstance(fill("{a}", a=1), Html)
    assert "&lt;b&gt;" in error_page("Not Found", "<b>", "")
    assert 'href="/some/page/style.css"' in error_page("x", "y", "/some")
