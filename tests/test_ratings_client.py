"""Grades of a running service: nothing is followed, nothing grows without a bound, and no password is printed."""

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from training.feedback import ratings_client
from training.feedback.grades import read_grades
from training.feedback.ratings_client import download_ratings, without_password

TABLE = b"model,version,seed,index,score\nm,0123456789abcdef,1,0,0.5\n"


@contextmanager
def service(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[tuple[str, list]]:
    """`host:port` of a server that answers so, and the requests that it got."""
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append((self.path, self.headers))
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()


def table(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(TABLE)


def message_of(url: str) -> str:
    with pytest.raises(ValueError, match="found") as caught:
        read_grades(url, "m")
    return str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_says_so(status: int):
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Location", f"http://u:secret@{inside}/ratings")
        handler.end_headers()

    with service(table) as (inside, reached), service(redirect) as (outside, _):
        message = message_of(f"http://{outside}")

    assert reached == []
    assert f"found a redirect ({status}) to http://{inside}/ratings, which is not followed" in message
    assert "secret" not in message


def test_a_table_without_an_end_is_cut_off(monkeypatch: pytest.MonkeyPatch):
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(bytes(1 << 16))
        except OSError:
            pass

    monkeypatch.setattr(ratings_client, "LARGEST_TABLE_BYTES", 1 << 20)
    with service(endless) as (address, _):
        assert "found more than 1048576 bytes" in message_of(f"http://{address}")


def test_a_table_that_trickles_is_cut_off(monkeypatch: pytest.MonkeyPatch):
    stop = threading.Event()

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while not stop.wait(0.05):
                handler.wfile.write(b"m")
        except OSError:
            pass

    monkeypatch.setattr(ratings_client, "DOWNLOAD_TIMEOUT_S", 0.3)
    with service(trickle) as (address, _):
        assert "found no end after 0.3 s" in message_of(f"http://{address}")
        stop.set()


@pytest.mark.parametrize("password", ["secret", "se@cret", "secret%20", "a/secret", "secret?x#y", "secret:80"])
def test_a_password_is_sent_and_never_printed(password: str):
    with service(table) as (address, requests):
        _, shown = download_ratings(f"http://ann:{password}@{address}/ratings", "m")

    assert requests[0][0] == "/ratings?model=m"
    said = base64.b64decode(requests[0][1]["Authorization"].removeprefix("Basic ")).decode()
    assert said == f"ann:{password.replace('%20', ' ')}"
    assert shown == f"http://{address}/ratings?model=m"


@pytest.mark.parametrize(
    "end", ["127.0.0.1:9", "127.0.0.1:9/ratings", "127.0.0.1:x", "[::1", "", "a b", "127.0.0.1:99999"]
)
def test_whatever_goes_wrong_no_message_has_the_password(end: str):
    message = message_of(f"http://ann:secret@{end}")

    assert "secret" not in message
    assert "ann" not in message


def test_a_key_is_sent_and_never_printed_unless_the_url_names_a_user(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(ratings_client.KEY_VARIABLE, "secret-of-a-key")
    with service(table) as (address, requests):
        _, shown = download_ratings(f"http://{address}", "m")
        download_ratings(f"http://ann:password@{address}", "m")

    assert [one["Authorization"].split()[0] for _, one in requests] == ["Bearer", "Basic"]
    assert requests[0][1]["Authorization"] == "Bearer secret-of-a-key"
    assert "secret" not in shown + message_of("http://127.0.0.1:9")


@pytest.mark.parametrize("status", [401, 403])
def test_where_a_key_is_needed_the_message_says_where_to_put_it(status: int):
    with service(lambda handler: handler.send_error(status)) as (address, _):
        assert message_of(f"http://{address}").endswith(" ZOETROPE_CLIENT_KEY may hold a key.")


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_refusal_of_the_service_is_shown_cut(status: int):
    def refuse(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.end_headers()
        handler.wfile.write(b"no" * 1_000_000)

    with service(refuse) as (address, _):
        message = message_of(f"http://ann:secret@{address}")

    assert f"found {status} nono" in message
    assert len(message) < 500


@pytest.mark.parametrize("source", ["grades.csv", "http://host:3000/ratings", "a@b.csv"])
def test_what_names_no_user_is_shown_as_it_is(source: str):
    assert without_password(source) == source
