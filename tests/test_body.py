"""No body up to the limit holds the event loop, and no error answer is large, whatever is in it."""

import asyncio
import gc
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from support.in_process import started_app

from service import app as app_module
from service.app import App
from service.body import INLINE_BYTES
from service.errors import Problem, echo
from service.middleware import LARGEST_BODY_BYTES, RequestLimitsMiddleware

LONGEST_HOLD_CPU_S = 0.25
LARGEST_ERROR_BYTES = 8_000
PATHS = ("/generate", "/decode", "/interpolate", "/ratings")
FIELDS = ("model", "n", "seed", "start", "label", "truncation", "format", "codes", "points", "frames", "loop", "grader")
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def app(bundles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = started_app(bundles, f"sqlite:///{tmp_path_factory.mktemp('grades') / 'grades.db'}", default_model="pets")
    gc.collect()
    gc.freeze()  # collecting all that the tests before have left is no work of a request
    yield app
    gc.unfreeze()
    app.stop()


def ask(app: App, path: str, body: bytes) -> tuple[int, bytes, float, float]:
    """Status, answer, and the CPU seconds of the event loop's thread and of all threads.

    Parsing in another thread holds the interpreter's lock, so for a refusal those of all threads count.
    """
    assert len(body) <= LARGEST_BODY_BYTES
    sent: list[dict] = []
    received = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict:
        return received.pop() if received else await asyncio.Event().wait()

    async def send(message: dict) -> None:
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
    scope |= {"headers": headers, "server": ("127.0.0.1", 3000), "client": ("127.0.0.1", 9), "root_path": ""}

    async def measured() -> tuple[float, float]:
        loop_s, all_s = time.thread_time(), time.process_time()
        await RequestLimitsMiddleware(app, app)({**scope, "scheme": "http", "http_version": "1.1"}, receive, send)
        return time.thread_time() - loop_s, time.process_time() - all_s

    held_s = asyncio.run(measured())
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:]), *held_s


def check(app: App, path: str, body: bytes) -> tuple[int, bytes]:
    """Ask; what must hold of every body holds."""
    status, answer, loop_s, all_s = ask(app, path, body)

    held_s = loop_s if status < 400 else all_s
    assert held_s < LONGEST_HOLD_CPU_S, f"{path} held the event loop for {held_s:.3f} CPU seconds"
    assert status < 500, answer[:300]
    if status >= 400:
        assert len(answer) <= LARGEST_ERROR_BYTES
        problem = json.loads(answer)
        assert len(problem.get("errors", ())) <= 5
        for error in problem.get("errors", ()):
            assert max(len(error["field"]), len(error["found"])) <= 100
    return status, answer


def filled(before: str, item: str, after: str, size: int = LARGEST_BODY_BYTES) -> bytes:
    """`before`, as many items with commas between as fit, and `after`; `%d` in an item is its number."""
    parts, left = [], size - len((before + after).encode())
    while (left := left - len((text := item.replace("%d", str(len(parts)))).encode()) - 1) >= 0:
        parts.append(text)
    return (before + ",".join(parts) + after).encode()


LARGE = {
    "340,000 empty strings for numbers": ("/decode", filled('{"codes": [[', '""', "]]}")),
    "lists for codes": ("/decode", filled('{"codes": [', "[]", "]}")),
    "strings for codes": ("/decode", filled('{"codes": [', '["",""]', "]}")),
    "numbers that are too large": ("/decode", filled('{"codes": [[', "101", "]]}")),
    "10,000 labels of {}": ("/generate", filled('{"n": 10000, "label": [', "{}", "]}", 30_000)),
    "too many labels": ("/generate", filled('{"label": [', "{}", "]}")),
    "unknown fields": ("/generate", filled("{", '"%d":0', "}")),
    "a key of 900 kB": ("/generate", b'{"' + b"k" * 900_000 + b'": 1}'),
    "keys of 100 kB": ("/generate", filled("{", '"%d' + "😀" * 25_000 + '": 1', "}")),
    "a string of 900 kB": ("/generate", b'{"model": "' + b"m" * 900_000 + b'"}'),
    "unknown fields of points": ("/interpolate", filled('{"points": [{', '"%d":0', "}, {}]}")),
    "too many points": ("/interpolate", filled('{"points": [', "{}", "]}")),
    "1,000 grades of {}": ("/ratings", b"[" + b"{}," * 999 + b"{}]"),
    "too many grades": ("/ratings", filled("[", "{}", "]")),
    "a list where an object is": ("/generate", filled("[", "[]", "]")),
    "10,000 frames": ("/interpolate", b'{"points": [{"seed": 1}, {"seed": 2}], "frames": 10000, "format": "npy"}'),
    "deep lists": ("/generate", b'{"n": ' + b"[" * 900 + b"]" * 900 + b"}"),
    "deeper lists than can be read": ("/generate", b"[" * 1_000_000),
    "a number of a million digits": ("/generate", b'{"n": ' + b"9" * 1_000_000 + b"}"),
    "a fraction of a million digits": ("/generate", b'{"truncation": 0.' + b"1" * 1_000_000 + b"}"),
    "what cannot be said in UTF-8": ("/generate", b'{"\\ud800": "\\ud800"}'),
    "characters of four bytes": ("/generate", filled("{", '"' + "😀" * 100 + '%d": "' + "😀" * 100 + '"', "}")),
    "characters that are escaped": ("/generate", filled("{", '"' + "\\u0001" * 100 + '%d": 0', "}")),
}


@pytest.mark.parametrize("attack", LARGE)
def test_what_stopped_the_service_once_does_not_hold_the_loop(app: App, attack: str):
    path, body = LARGE[attack]

    check(app, path, body)


leaves = st.sampled_from(
    [
        *('""', "{}", "[]", "null", "true", "-1", "1e400", "NaN", "9" * 4300, "0." + "1" * 400, '"\\ud83d\\ude00"'),
        *('"\\u0000"', '"0"', '{"a":{}}', "[[[[]]]]", "[" * 400 + "]" * 400, '{"seed":1}', '["0",0]'),
        f'"{"x" * 5000}"',
    ]
)
sizes = st.sampled_from([200, INLINE_BYTES - 100, INLINE_BYTES, 200_000, LARGEST_BODY_BYTES])
names = st.sampled_from([*FIELDS, "x", "%d", "é", "k" * 2000])


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """JSON or nearly: one field or item, over and over, inside of one or two others."""
    leaf, name, outer, size = draw(leaves), draw(names), draw(names), draw(sizes)
    before, item, after = draw(
        st.sampled_from(
            [
                ("{", f'"{name}%d": {leaf}', "}"),
                (f'{{"{outer}": [', leaf, "]}"),
                (f'{{"{outer}": [[', leaf, "]]}"),
                (f'{{"{outer}": [{{', f'"{name}%d": {leaf}', "}]}"),
                (f'{{"{outer}": [', f'{{"{name}": {leaf}}}', "]}"),
                (f'{{"{outer}": ', leaf, "}"),
                ("[", f'{{"{name}": {leaf}}}', "]"),
                ("[{", f'"{name}%d": {leaf}', "}]"),
                ("", leaf, ""),
            ]
        )
    )
    return filled(before, item, after, size)


@given(path=st.sampled_from(PATHS), body=bodies())
@settings(max_examples=150, deadline=None, suppress_health_check=[*HealthCheck])
def test_no_body_holds_the_loop_for_more_than_a_quarter_of_a_cpu_second(app: App, path: str, body: bytes):
    check(app, path, body)


def errors_of(client: TestClient, path: str, body: object) -> list[dict]:
    answer = client.post(path, json=body)
    assert answer.status_code == 422, answer.text
    return answer.json()["errors"]


def test_the_first_five_errors_are_named_with_path_found_and_expected(client: TestClient):
    codes = [[0.0, 0.0], [0.0, "a", 0.0, "b"], ["c"] * 3, ["d"]]

    errors = errors_of(client, "/decode", {"codes": codes})
    assert [(one["field"], one["found"]) for one in errors] == [
        ("codes.1.1", "'a'"), ("codes.1.3", "'b'"), ("codes.2.0", "'c'"), ("codes.2.1", "'c'"), ("codes.2.2", "'c'")
    ]  # fmt: skip
    assert {one["expected"] for one in errors} == {"a valid number"}


def test_a_large_body_has_the_errors_of_a_small_one(client: TestClient):
    small = {"codes": [[0.0] * 5, ["a"]], "m": 1}
    large = {"codes": [[0.0] * 5, ["a"]], "m": "x" * INLINE_BYTES}
    errors = errors_of(client, "/decode", large)

    assert [one["field"] for one in errors] == [one["field"] for one in errors_of(client, "/decode", small)]
    assert errors[-1]["found"].endswith("...")
    for broken in ("{" + " " * INLINE_BYTES, "9" * INLINE_BYTES, "[" * INLINE_BYTES):
        answer = client.post("/decode", content=broken, headers=JSON)
        assert answer.status_code == 400
        assert "JSON" in answer.json()["detail"]


def test_a_length_is_checked_before_the_items(client: TestClient):
    errors = errors_of(client, "/decode", {"codes": [["a"]] * 10_001})

    assert [one["expected"] for one in errors] == ["List should have at most 10000 items after validation, not 10001"]
    assert "at least 2" in errors_of(client, "/interpolate", {"points": [{"seed": 1}]})[0]["expected"]
    assert "at least 1" in errors_of(client, "/decode", {"codes": []})[0]["expected"]


def test_a_wrong_label_of_a_list_is_named_by_its_place(client: TestClient):
    errors = errors_of(client, "/generate", {"model": "pets", "n": 3, "label": ["cat", "dog", 1.5]})

    assert errors[-1]["field"] == "label.2"


def test_a_large_body_draws_the_pictures_of_a_small_one(client: TestClient):
    codes = [[0.25] * 5] * 600  # more than fits inline
    spaced = json.dumps({"codes": codes, "format": "npy"})
    assert len(spaced) > INLINE_BYTES

    whole = client.post("/decode", content=spaced, headers=JSON).content
    parts = [client.post("/decode", json={"codes": codes[:200], "format": "npy"}).content for _ in range(3)]
    assert whole[128:] == b"".join(part[128:] for part in parts)


def test_what_an_echo_shows_is_short_whatever_the_value():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]

    assert echo(deep) == "[[[[...]]]]"
    assert echo({"a": [1, "b", None]}) == "{'a': [1, 'b', None]}"
    for value in ([""] * 10**6, "x" * 10**6, {str(at): at for at in range(10**5)}, 10**5000, b"x" * 10**6):
        assert len(echo(value)) <= 100


def test_a_long_detail_is_cut_too():
    response = Problem(404, "😀" * 10_000).response()

    assert len(response.body) < LARGEST_ERROR_BYTES


def test_no_more_large_bodies_wait_than_fit(app: App, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(app_module, "_MOST_COMPUTATIONS", 0)
    status, answer, *_ = ask(app, "/decode", b" " * INLINE_BYTES + b"{}")

    assert status == 503
    assert b"large requests wait" in answer
    assert ask(app, "/generate", b"{}")[0] == 200
